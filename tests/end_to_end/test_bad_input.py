"""Bad input: one clear sentence, the documented exit code, and nothing half-created."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from runs.configuration import RunConfig
from tests.end_to_end.conftest import SCRIPT, Cli
from tests.synthetic import make_run


def refused(cli: Cli, code: int, *words: object, starts: bool = False) -> str:
    """Return the one line that a refused command prints; it creates no run and prints no traceback."""
    before = sorted(cli.home.runs.iterdir()) if cli.home.runs.exists() else []
    done = cli(*words, code=code, starts=starts)
    after = sorted(cli.home.runs.iterdir()) if cli.home.runs.exists() else []
    assert after == before
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["drnass"], "Unknown method 'drnass'. Did you mean 'drnas'?"),
        (["drnas", "--space", "nasbench"], "Did you mean 'nasbench201'?"),
        (["drnas", "--preset", "quik"], "Did you mean 'quick'?"),
        (["drnas", "--dataset", "cifar11"], "Did you mean 'cifar10'?"),
        (["drnas", "--set", "epoch=3"], "Unknown key 'epoch' in --set. Did you mean 'epochs'?"),
        (["drnas", "--set", "epochs=0"], "epochs in --set is '0', but must be a whole number 1 … 100000."),
        (["drnas", "--set", "epochs=many"], "epochs in --set is 'many', but must be a whole number"),
        (["drnas", "--set", "epochs=2.5"], "must be a whole number"),
        (
            ["drnas", "--gpus", "3"],
            "batch_size must be a multiple of gpus=3 and at least 6, two images for each process",
        ),
        (["drnas", "--gpus", "64"], "at least 128, two images for each process, got 64."),
        (["tenas", "--gpus", "2"], "TE-NAS trains no shared weights, so it cannot use several GPUs."),
        (["random_search", "--gpus", "2"], "gpus has no effect with evaluator=table: leave it out."),
        (["drnas", "--set", "momentum=nan"], "momentum in --set is 'nan'"),
        (["drnas", "--set", "regulariser=l3"], "must be l2 | kl"),
        (["drnas", "--set", "epochs"], "--set takes KEY=VALUE"),
        (["drnas", "--device", "tpu"], "must be auto, cpu, cuda or cuda:<number>"),
        (["drnas", "--seed", "-1"], "seed must be between 0 and 2^63-1, got -1."),
        (["drnas", "--name", "a\x1b[31mb"], "control characters"),
        (["drnas", "--name", "x" * 10_000], "must have at most 80 characters, got 10,000"),
        (["drnas", "--tag", "two words"], "A tag is one word"),
        (["drnas", "--detach", "--follow"], "cannot be used together"),
        (["drnas", "--per-device", "2"], "--per-device is for runs in the queue"),
        (["drnas", "--config", "absent.toml"], "cannot be read"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_wrong_usage(cli: Cli, words: list[str], says: str) -> None:
    preset = [] if "--preset" in words else ["--preset", "quick"]
    assert says in refused(cli, 2, "search", *words, *preset)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["drnas", "--set", "stage_partial=3"], "must divide channels=8: 1, 2, 4, 8"),
        (["pcdarts", "--set", "partial=3"], "partial=3 must divide channels=8: 1, 2, 4, 8"),
        (["darts", "--set", "layers=2"], "layers in --set is '2', but must be a whole number 3 … 100"),
        (
            ["pdarts", "--set", "added_layers=0,1"],
            "added_layers must have 3 numbers, one per stage of stage_operations, got 2: '0,1'",
        ),
        (
            ["drnas", "--set", "stage_operations=5,3"],
            "stage_partial must have 2 numbers, one per stage of stage_operations, got 1: '1'",
        ),
        (["prdarts", "--set", "stage_epochs=9,9,9"], "stage_epochs has 3 numbers, but stage_keep has 9"),
        (["prdarts", "--set", "stage_keep=6,6,6,6,6,4,0,2,1"], "stage_keep is 0 for stage 7, but that leaves an edge"),
        (["prdarts", "--set", "stage_morphs=6,3,3,3,3,0,0,0,0"], "stage_morphs is 6 for stage 1, but it keeps 6"),
        (["prdarts", "--set", "kernel_min=5"], "the initial pool has 'c3', but kernel_min is 5"),
        (["prdarts", "--set", "kernel_max=8"], "kernel_max is 8, but kernels have odd sides"),
        (["prdarts", "--set", "batch_size_max=8"], "batch_size_max must be 0 or at least batch_size=64, got 8"),
        (
            ["pdarts", "--space", "nasbench201"],
            "'pdarts' does not support the space 'nasbench201'. Choose one of: darts.",
        ),
        (["drnas", "--set", "augmentation=imagenet"], "Digits is not one. Set augmentation=crop"),
        (["drnas", "--set", "augmentation=imagenet", "--set", "cutout_length=8"], "set cutout_length=0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_searches_that_cannot_be(cli: Cli, words: list[str], says: str) -> None:
    """Widths, depths, stages and spaces that a method cannot have: the message says what would work."""
    assert says in refused(cli, 2, "search", *words, "--preset", "quick")


def test_wrong_configuration_files(cli: Cli) -> None:
    file = cli.folder / "run.toml"
    for content, says in {
        "preset = 'quick'\nepochs = 3": "Unknown key 'epochs' in",
        "preset = 'quick'\n[options]\nepochz = 3": "Unknown key 'epochz' in",
        "preset = 'quick'\n[options]\nepochs = true": "epochs in",
        "preset = 3": "preset must be text, got 3.",
        "options = 3": "must be a table",
        "preset = ": "is not valid TOML",
    }.items():
        file.write_text(content)
        assert says in refused(cli, 2, "search", "drnas", "--config", file)


def test_a_configuration_file_is_taken_and_the_line_wins(cli: Cli) -> None:
    file = cli.folder / "run.toml"
    options = {"epochs": 1, "channels": 4, "image_limit": 100, "threads": 1}
    lines = "\n".join(f"{key} = {value}" for key, value in options.items())
    file.write_text(f"preset = 'quick'\nseed = 7\ntags = ['a']\n[options]\n{lines}\n")
    run = cli.json("search", "drnas", "--config", file, "--seed", "8", "--tag", "b", "--detach")
    assert (run["seed"], run["tags"]) == (8, ["a", "b"])
    config = RunConfig.read(cli.home.run(run["id"]).config)
    assert {key: config.options[key] for key in options} == options


def test_a_data_set_that_is_not_available(cli: Cli) -> None:
    message = refused(cli, 5, "search", "drnas", "--dataset", "cifar10", "--preset", "quick")
    assert "nastui dataset fetch cifar10" in message


def test_a_device_that_does_not_exist(cli: Cli) -> None:
    cli.afresh = True
    cli.environment["CUDA_VISIBLE_DEVICES"] = ""
    assert "no device 'cuda'" in refused(cli, 5, "search", "drnas", "--preset", "quick", "--device", "cuda")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("train", "test"):
        for place, name in enumerate(("cat", "dog")):
            (tmp_path / "images" / part / name).mkdir(parents=True)
            for number in range(8):
                colour = (30 * number, 99 * place, 0)
                Image.new("RGB", (16, 16), colour).save(tmp_path / "images" / part / name / f"{number}.png")
    return tmp_path / "images"


def test_an_image_folder_is_searched(cli: Cli, folder: Path) -> None:
    run = cli.search("--dataset", folder, image_limit=0, batch_size=4, epochs=1)
    assert cli.wait(run["id"], "finished", "failed", "lost") == "finished"
    assert "2 classes, 16 x 16 pixels" in cli.json("runs", "show", run["id"])["network"]


def test_image_folders_that_cannot_be_used(cli: Cli, folder: Path) -> None:
    words = ["search", "drnas", "--preset", "quick", "--dataset"]
    assert "no folder 'train'" in refused(cli, 5, *words, cli.folder)
    (folder / "train" / "dog" / "3.png").write_bytes(b"\x89PNG nothing")
    done = cli(*words, folder, code=5, starts=True)
    assert "3.png' is broken" in done.stderr
    assert not list(cli.home.runs.glob("*"))
    shutil.rmtree(folder / "train" / "dog")
    (folder / "train" / "dog").mkdir()
    assert "has no images" in refused(cli, 5, *words, folder)


def test_a_home_that_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = cli("--home", tmp_path / "file" / "home", "search", "drnas", "--preset", "quick", code=5)
    assert "cannot be written" in done.stderr
    assert "--home or NASTUI_HOME" in done.stderr


def test_a_full_disk(cli: Cli) -> None:
    """With a limit of 0 on file sizes, writing fails as on a full disk."""
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 0; exec '{SCRIPT}' search drnas --preset quick --detach"],
        env=cli.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 5
    assert "cannot be created" in done.stderr
    assert not [entry for entry in cli.home.runs.iterdir() if not entry.name.startswith(".")]


def test_prefixes_that_name_no_run_or_several(cli: Cli) -> None:
    assert "No run's id begins with 'zz'" in refused(cli, 3, "runs", "show", "zz")
    assert "There are no runs yet" in refused(cli, 3, "runs", "show", "latest")
    ids = [make_run(cli.home.root)[0].id for _ in range(20)]
    first = sorted(run[0] for run in ids)
    common = next(letter for letter in first if first.count(letter) > 1)
    assert f"'{common}' names" in refused(cli, 3, "runs", "show", common)
    assert cli.json("runs", "show", ids[0])["id"] == ids[0]


@pytest.mark.parametrize("name", ["../../etc", "[red]bold[/red]", "[/]", "emoji 🎉 and 漢字", "$(rm -rf x)"])
def test_names_are_only_text(cli: Cli, name: str) -> None:
    config, paths = make_run(cli.home.root)
    cli("runs", "rename", config.id, name)
    assert cli.json("runs", "show", config.id)["name"] == name
    assert name.split(maxsplit=1)[0] in cli("runs", "list").stdout
    assert list(cli.home.runs.iterdir()) == [paths.root]


def test_malformed_lines_of_the_log_are_left_out_and_counted(cli: Cli) -> None:
    config, paths = make_run(cli.home.root, epochs=2)
    lines = paths.events.read_text().splitlines()
    lines[2:2] = ["{", "null", '{"v": 99, "t": 1, "n": 2, "type": "later", "x": 1}']
    paths.events.write_text("\n".join(lines) + "\n")
    done = cli("runs", "events", config.id, "--json")
    assert len(done.stdout.splitlines()) == len(lines) - 2
    assert "2 lines" in done.stderr
    assert cli.json("runs", "show", config.id)["epoch"] == 2


@pytest.mark.parametrize("change", [{"seed": "many"}, {"options": {"epochs": -4}}, {"method": "gone"}, None])
def test_a_configuration_edited_to_nonsense(cli: Cli, change: dict[str, object] | None) -> None:
    config, paths = make_run(cli.home.root, done=2)
    if change is None:
        paths.config.write_text("{ nonsense")
    else:
        paths.config.write_text(json.dumps(json.loads(paths.config.read_text()) | change))
    message = refused(cli, 2, "runs", "resume", config.id)
    assert "config.json" in message or "Unknown method 'gone'" in message
    cli("runs", "list")


def test_removing_asks_and_can_be_undone(cli: Cli) -> None:
    config, paths = make_run(cli.home.root)
    assert "Add --yes" in refused(cli, 2, "runs", "rm", config.id)
    cli("runs", "rm", config.id, "--yes")
    assert not paths.root.exists()
    cli("runs", "restore", config.id[:6])
    assert cli.json("runs", "show", config.id)["status"] == "finished"


def test_keys_are_printed_in_one_form(cli: Cli) -> None:
    said = json.loads(refused(cli, 2, "keys", "--json", "--markdown"))
    assert said["error"] == "--json and --markdown cannot be used together."


def test_errors_are_json_with_json(cli: Cli) -> None:
    done = cli("runs", "show", "zz", "--json", code=3)
    assert json.loads(done.stderr)["exit"] == 3
    assert done.stdout == ""


def test_a_closed_pipe_is_not_an_error(cli: Cli) -> None:
    for _ in range(3):
        make_run(cli.home.root)
    done = subprocess.run(
        ["bash", "-c", f"'{SCRIPT}' runs list --json | head -1"],
        env=cli.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_what_a_data_set_leaves_out_is_named(cli: Cli, folder: Path) -> None:
    (folder / "train" / "cat" / "x.xcf").touch()
    done = cli("dataset", "list", folder, "--json")
    assert [json.loads(done.stdout)[part] for part in ("train", "test")] == [16, 16]
    assert "files without an image's ending: 1 (.xcf 1)." in done.stderr


def test_a_data_set_is_checked_to_its_last_image(cli: Cli, folder: Path) -> None:
    (folder / "test" / "dog" / "3.png").write_bytes(b"not an image")
    assert "3.png" in refused(cli, 5, "dataset", "check", folder, starts=True)
    assert "Get it: nastui dataset fetch cifar10" in refused(cli, 5, "dataset", "check", "cifar10")


def test_a_run_whose_images_have_changed_goes_on_only_if_told_to(cli: Cli, folder: Path) -> None:
    run = cli.search("--dataset", folder, image_limit=0, batch_size=4, epochs=1000)["id"]
    cli.reach_checkpoint(run)
    cli("runs", "stop", run)
    lines = cli.home.run(run).events.read_text()
    (folder / "train" / "cat" / "0.png").unlink()
    shutil.copy(folder / "train" / "cat" / "1.png", folder / "train" / "dog" / "99.png")
    shutil.copy(folder / "train" / "cat" / "1.png", folder / "train" / "dog" / "98.png")
    refusal = refused(cli, 5, "runs", "resume", run)
    assert "2 files added (train/dog/98.png, train/dog/99.png); 1 file removed (train/cat/0.png)" in refusal
    assert "--accept-changed-data" in refusal
    assert cli.home.run(run).events.read_text() == lines
    cli("runs", "resume", run, "--accept-changed-data")
    done = cli.series(run)[-1]["epoch"]
    cli.reach_epoch(run, done + 2)
    warned = cli("runs", "events", run, "--type", "warning").stdout
    assert warned.count("Went on with changed data: 2 files added") == 1
