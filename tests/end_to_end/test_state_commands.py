"""Commands about the state of things: status, config, the log and the folder of a run, and the trash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nastui.cli
import nastui_start
from runs.fleet.queueing import hold
from runs.home import Home
from runs.store.queue import Entry, Queue
from runs.store.run_store import RunStore
from tests.in_process import Typing
from tests.synthetic import make_run


@pytest.fixture
def typing(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typing:
    home.prepare()
    return Typing(monkeypatch, capsys)


def settings(typing: Typing, *words: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in json.loads(typing(" ".join(["config --json", *words])).out)["settings"]}


def test_status_tells_what_waits_and_for_which_device(typing: Typing, home: Home) -> None:
    config, _ = make_run(home.root, done=0, name="patient")
    Queue(home).add([Entry(run=config.id, held=True, reason="held")])
    hold(home, {config.id}, held=True)
    found = json.loads(typing("status --json").out)
    assert found["running"] == []
    assert [(one["place"], one["id"], one["name"], one["device"]) for one in found["waiting"]] == [
        (1, config.id, "patient", "cpu")
    ]
    assert found["devices"][0]["device"] == "cpu"
    answer = typing("status")
    assert answer.said == "Nothing runs.\n"
    assert config.id[:8] in answer.out


def test_config_names_the_source_of_each_setting(
    typing: Typing, home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (home.root / "config.toml").write_text('theme = "nastui-light"\n[keys]\n"runs.stop" = "ctrl+x"\n')
    monkeypatch.setenv("NASTUI_DATASETS", str(tmp_path / "shared"))
    found = settings(typing)
    assert found["home"] | {"value": ""} == {
        "name": "home",
        "value": "",
        "source": "environment",
        "where": "NASTUI_HOME",
    }
    assert found["datasets"]["value"] == str(tmp_path / "shared")
    assert (found["theme"]["source"], found["theme"]["where"]) == ("file", str(home.configuration))
    assert found["keys.runs.stop"]["value"] == "ctrl+x"
    assert found["slow_line"] == {"name": "slow_line", "value": False, "source": "default", "where": ""}
    assert settings(typing, f"--home {tmp_path}")["home"]["where"] == "--home"


def test_config_shows_no_secret_and_complains_of_what_is_wrong(
    typing: Typing, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASTUI_TOKEN", "a-secret-token-of-mine")
    text = 'slurm = 3\nthemes = "dark"\n[notify]\nwebhook = "https://example.org/a-secret"\n'
    (home.root / "config.toml").write_text(text)
    for line in ("config", "config --json"):
        answer = typing(line)
        assert "a-secret" not in answer.out + answer.said
        assert "there is no setting 'themes'. Did you mean 'theme'?" in answer.said
        assert "must have a section for each profile" in answer.said
        assert answer.code == 0


def test_a_run_is_shown_although_its_further_genotypes_are_damaged(typing: Typing, home: Home) -> None:
    config, paths = make_run(home.root)
    paths.variants.write_text("[]")
    answer = typing("runs show latest")
    assert answer.code == 0 and config.id in answer.out
    assert "does not hold genotypes by name" in answer.said


def test_the_log_of_an_engine(typing: Typing, home: Home) -> None:
    config, paths = make_run(home.root)
    assert typing(f"runs log {config.id}").code == 3
    paths.log.write_bytes(b"one\n  10 %\r 100 %\ntwo \xff \x1b[31m\nlast")
    # What a terminal would still show of a line; what it might obey is replaced.
    assert typing("runs log latest").out == "one\n 100 %\ntwo \ufffd \ufffd[31m\nlast\n"
    assert typing("runs log latest --lines 2").out.startswith("two")
    assert typing("runs log latest -f -n 0").out == "last\n"
    assert json.loads(typing("runs log latest --json").out.splitlines()[0]) == {"text": "one"}


def test_the_folder_of_a_run(typing: Typing, home: Home) -> None:
    config, paths = make_run(home.root)
    assert typing("runs path latest").out == f"{paths.root}\n"
    assert json.loads(typing("runs path latest --json").out) == {"id": config.id, "path": str(paths.root)}


def test_the_trash_is_emptied_for_good(typing: Typing, home: Home) -> None:
    kept, removed, another = (make_run(home.root)[0].id for _ in range(3))
    store = RunStore(home)
    for run in (removed, another):
        store.remove(store.find(run))
    home.removed_sweeps.mkdir()
    (home.removed_sweeps / "s1").mkdir()
    refused = typing("runs empty-trash")
    assert (refused.code, "Add --yes." in refused.said) == (2, True)
    assert typing("runs empty-trash -y").said == "Deleted 2 runs and 1 sweep.\n"
    assert typing(f"runs restore {removed}").code == 3
    assert [record.id for record in RunStore(home).records()] == [kept]
    assert typing("runs empty-trash").said == "The trash is empty.\n"


def test_quiet_leaves_results_and_errors(typing: Typing, home: Home) -> None:
    make_run(home.root, name="baseline")
    assert typing("runs rename latest other").said
    assert typing("-q runs rename latest another").said == ""
    assert "another" in typing("runs list -q").out
    assert typing("runs show nosuch -q").said.startswith("nastui: No run's id begins with 'nosuch'.")


def test_verbose_shows_the_cause_of_an_error(typing: Typing, home: Home) -> None:
    line = "search drnas --config absent.toml"
    assert "Traceback" not in typing(line).said
    assert "FileNotFoundError" in typing(f"{line} -v").said


def test_ctrl_c_while_modules_are_imported_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(nastui.cli, "main", interrupted)
    with pytest.raises(SystemExit) as exit_:
        nastui_start.main()
    assert exit_.value.code == 130
