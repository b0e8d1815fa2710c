"""From typed values to a complete configuration, or to a sentence that says what is wrong."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs import catalogue
from runs.configuration import Draft, RunConfig, draft_from, read_toml, resolve
from runs.errors import UsageError
from runs.home import Home
from runs.machine import devices

OPTIONS = catalogue.options(catalogue.method("drnas"), catalogue.space("nasbench201"))


def strategy(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return the values that a hyperparameter's JSON schema allows."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "boolean":
        return st.booleans()
    if schema["type"] == "integer":
        return st.integers(schema["minimum"], schema.get("maximum", 10**9))
    low, high = schema.get("minimum"), schema.get("maximum")
    return st.floats(
        schema.get("exclusiveMinimum") if low is None else low,
        schema.get("exclusiveMaximum") if high is None else high,
        exclude_min="exclusiveMinimum" in schema,
        exclude_max="exclusiveMaximum" in schema,
        allow_nan=False,
        allow_infinity=False,
    )


# These values must agree with those of other settings.
BOUND = {
    *("stage_operations", "stage_epochs", "stage_partial", "arch_frozen_epochs"),
    *("weight_share", "arch_share", "warm_up_epochs", "augmentation", "gpus"),
}
allowed = st.fixed_dictionaries(
    {},
    optional={
        name: strategy(schema)
        for name, schema in OPTIONS.model_json_schema()["properties"].items()
        if name not in BOUND
    },
)


def draft(**options: Any) -> Draft:
    return Draft(method="drnas", preset="quick", options=options)


def refusal_of(text: Any) -> str:
    with pytest.raises(UsageError) as refusal:
        resolve(text) if isinstance(text, Draft) else text()
    return str(refusal.value)


# Resolving


def test_a_method_alone_is_a_draft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpus", list)
    config = resolve(Draft(method="drnas"))
    chosen = (config.kind, config.space, config.dataset, config.preset, config.seed, config.device)
    assert chosen == ("search", "nasbench201", "cifar10", "paper", 2, "cpu")
    assert set(config.options) == set(OPTIONS.model_fields), "every default is resolved"
    assert config.options["threads"] == 0, "the engine chooses"
    assert config.environment.keys() >= {"python", "platform", "nastui", "torch", "torchvision"}
    assert config.settings().model_dump() == config.options


def test_what_is_given_wins_over_the_preset() -> None:
    config = resolve(Draft(method="drnas", preset="quick", dataset="cifar100", seed=0, options={"epochs": "7"}))
    assert (config.dataset, config.seed, config.options["epochs"]) == ("cifar100", 0, 7)
    assert config.options["channels"] == 8, "as the preset has it"


@pytest.mark.parametrize(
    ("preset", "given", "frozen"),
    [
        ("quick", {}, 10),
        ("quick", {"epochs": 11}, 10),
        ("quick", {"epochs": "10"}, 3),
        ("quick", {"epochs": 1}, 0),
        ("quick", {"epochs": 3, "arch_frozen_epochs": 2}, 2),
        ("quick-progressive", {"epochs": 8}, 3),
        ("quick-progressive", {"epochs": 6}, 0),
        ("quick-progressive", {"epochs": 6, "stage_epochs": "2,4", "arch_frozen_epochs": 1}, 1),
        ("quick-progressive", {"epochs": 30, "stage_epochs": "2,28"}, 0),
        ("quick", {"epochs": 2, "stage_operations": "5,3", "stage_partial": "2,1"}, 0),
    ],
)
def test_a_search_that_is_made_shorter_freezes_the_same_share(preset: str, given: dict[str, Any], frozen: int) -> None:
    """Only where the preset's own number does not fit; a number that is given is never changed."""
    assert resolve(Draft(method="drnas", preset=preset, options=given)).options["arch_frozen_epochs"] == frozen


def test_a_number_of_frozen_epochs_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="set at most 2"):
        resolve(Draft(method="drnas", preset="quick", options={"epochs": 3, "arch_frozen_epochs": 3}))


def test_ids_are_unique_and_harmless_as_folders() -> None:
    ids = {resolve(Draft(method="drnas")).id for _ in range(50)}
    assert len(ids) == 50
    assert all(run_id.isascii() and not set(run_id) & set(" /.[") for run_id in ids)


def test_written_and_read_back(tmp_path: Path) -> None:
    config = resolve(draft(epochs=3))
    config.write(tmp_path / "config.json")
    assert RunConfig.read(tmp_path / "config.json") == config


def test_a_configuration_edited_to_nonsense_is_refused_by_key(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    resolve(draft()).write(path)
    raw = json.loads(path.read_text())
    raw["options"]["epochs"] = -5
    path.write_text(json.dumps(raw))
    assert "epochs in config.json is '-5'" in refusal_of(RunConfig.read(path).settings)


@given(allowed)
def test_the_command_repeats_the_draft(options: dict[str, Any]) -> None:
    config = resolve(draft(**options))
    words = shlex.split(config.command)
    assert words[:3] == ["nastui", "search", "drnas"]
    given = list(zip(words[3::2], words[4::2], strict=True))
    settings = dict(value.split("=", 1) for option, value in given if option == "--set")
    named = {option.removeprefix("--"): value for option, value in given if option != "--set"}
    assert set(settings) == set(options)
    again = resolve(Draft(method="drnas", options=settings, **named))  # type: ignore[arg-type]
    kept = ("space", "dataset", "preset", "seed", "device", "options", "command")
    assert [getattr(again, name) for name in kept] == [getattr(config, name) for name in kept]


def test_the_command_quotes_paths_and_names_a_device(tmp_path: Path) -> None:
    for folder in ("train/a", "train/b", "val"):
        (tmp_path / "my; images" / folder).mkdir(parents=True)
        (tmp_path / "my; images" / folder / "1.jpg").touch()
    words = shlex.split(resolve(Draft(method="drnas", dataset=f"{tmp_path}/my; images", device="cpu")).command)
    assert words[words.index("--dataset") + 1] == f"{tmp_path}/my; images"
    assert words[words.index("--device") + 1] == "cpu"


# Hyperparameters


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("epochs", 0, "a whole number 1 … 100000"),
        ("epochs", -1, "a whole number 1 … 100000"),
        ("epochs", 10**400, "a whole number 1 … 100000"),
        ("epochs", 1.5, "a whole number"),
        ("epochs", "many", "a whole number"),
        ("epochs", "", "a whole number"),
        ("epochs", True, "a whole number"),
        ("epochs", None, "a whole number"),
        ("epochs", [1], "a whole number"),
        ("epochs", math.nan, "a whole number"),
        ("image_limit", -1, "a whole number 0 or more"),
        ("learning_rate", 0, "a number above 0 … 10"),
        ("learning_rate", "nan", "a number above 0 … 10"),
        ("learning_rate", math.nan, "a number above 0 … 10"),
        ("learning_rate", math.inf, "a number above 0 … 10"),
        ("learning_rate", "-inf", "a number above 0 … 10"),
        ("learning_rate", True, "a number above 0 … 10"),
        ("momentum", 1, "a number 0 … below 1"),
        ("gradient_clip", "inf", "a number 0 or more"),
        ("channels_last", 2, "true or false"),
        ("channels_last", "perhaps", "true or false"),
        ("regulariser", "kll", "l2 | kl"),
        ("regulariser", 1, "l2 | kl"),
        ("regulariser", True, "l2 | kl"),
        ("split", "[red]" * 1000, "stratified | positional"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(key: str, value: Any, says: str) -> None:
    said = refusal_of(draft(**{key: value}))
    assert said.startswith(f"{key} in --set is {str(value)[:80]!r}, but must be {says}")
    assert len(said) < 200


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("epochs", "7", 7),
        ("epochs", "7.0", 7),
        ("learning_rate", "1e-3", 0.001),
        ("learning_rate", 1, 1.0),
        ("channels_last", "false", False),
        ("channels_last", "no", False),
        ("channels_last", 1, True),
        ("regulariser", "kl", "kl"),
    ],
)
def test_text_is_read_as_its_type(key: str, text: Any, value: Any) -> None:
    found = resolve(draft(**{key: text})).options[key]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("name", ["deterministic", "tf32", "cudnn_benchmark"])
def test_a_configuration_of_an_older_version_means_what_it_meant(name: str) -> None:
    config = resolve(draft())
    older = config.model_copy(update={"options": {key: config.options[key] for key in config.options if key != name}})
    assert older.settings() == config.settings()


def test_every_fault_is_told_at_once() -> None:
    said = refusal_of(draft(epochs="x", regulariser="kll", learning_rate=-1))
    assert all(f"{key} in --set is" in said for key in ("epochs", "regulariser", "learning_rate"))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (draft(epoch=5), "Unknown key 'epoch' in --set. Did you mean 'epochs'?"),
        (draft(**{"": 1}), "Unknown key '' in --set."),
        (Draft(method="drnsa"), "Did you mean 'drnas'?"),
        (Draft(method="drnas", space="nasbench"), "Did you mean 'nasbench201'?"),
        (Draft(method="drnas", preset="papers"), "Did you mean 'paper'?"),
        (Draft(method="drnas", dataset="cifar"), "Did you mean 'cifar10'?"),
        (Draft(method="drnas", device="gpu"), "auto, cpu, cuda or cuda:<number>"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(wrong: Draft, named: str) -> None:
    assert named in refusal_of(wrong)


def test_a_wrong_draft_creates_nothing(home: Home) -> None:
    refusal_of(draft(epochs=0))
    assert not home.root.exists()


# Files

GOOD = """
method = "drnas"
preset = "quick"
seed = 5
tags = ["a", "b"]
[options]
epochs = 3
learning_rate = 0.1
"""


def from_file(path: Path) -> Draft:
    return draft_from(read_toml(path))


def test_a_file_is_a_draft(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(GOOD)
    given = from_file(tmp_path / "c.toml")
    assert (given.method, given.preset, given.seed, given.tags) == ("drnas", "quick", 5, ("a", "b"))
    assert given.options == {"epochs": 3, "learning_rate": 0.1}
    assert resolve(given).options["epochs"] == 3


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (GOOD.replace("preset", "presett"), ["Unknown key 'presett'", "c.toml", "Did you mean 'preset'?"]),
        ("source = 'x'", ["Unknown key 'source'"]),
        ("preset = \nmethod = 3", ["c.toml", "is not valid TOML", "line 1"]),
        ("method = 'a'\nmethod = 'b'", ["is not valid TOML"]),
        ("\udcff", ["is not valid TOML"]),
        ("seed = 1", ["method is missing"]),
        ("method = 3", ["method must be text, got 3."]),
        ("method = 'drnas'\nseed = 'five'", ["seed must be a whole number, got 'five'."]),
        ("method = 'drnas'\nseed = -1", ["seed must be between 0 and 2^63-1, got -1."]),
        (
            "method = 'drnas'\nseed = 9223372036854775808",
            ["seed must be between 0 and 2^63-1, got 9223372036854775808."],
        ),
        ("method = 'drnas'\nseed = 1.5", ["seed must be a whole number, got 1.5."]),
        ("method = 'drnas'\ntags = 'a'", ["tags must be a list, got 'a'."]),
        ("method = 'drnas'\ntags = [1]", ["tags.0 must be text, got 1."]),
        ("method = 'drnas'\noptions = 5", ["options must be a table, got 5."]),
        ("method = 'drnas'\n[dataset]\nname = 'x'", ["dataset must be text"]),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_key(tmp_path: Path, content: str, named: list[str]) -> None:
    (tmp_path / "c.toml").write_bytes(content.encode(errors="surrogateescape"))
    said = refusal_of(lambda: from_file(tmp_path / "c.toml"))
    assert all(part in said for part in named), said


@pytest.mark.parametrize(("name", "why"), [("none.toml", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, why: str) -> None:
    said = refusal_of(lambda: read_toml(tmp_path / name))
    assert str(tmp_path / name) in said
    assert why in said


def test_a_wrong_option_of_a_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(GOOD.replace("epochs = 3", "epochs = true"))
    given = from_file(tmp_path / "c.toml").model_copy(update={"source": "c.toml"})
    assert "epochs in c.toml is 'True'" in refusal_of(given)
