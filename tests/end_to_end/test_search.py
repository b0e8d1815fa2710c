"""A search from end to end: the console script, a real engine, JSON and exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pexpect
import pytest

from runs.genotypes import nasbench201
from runs.genotypes.genotype import Genotype
from tests.end_to_end.conftest import SCRIPT, TINY, Cli


def test_following_a_search_prints_json_lines_and_the_result(cli: Cli) -> None:
    settings = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    words = ["search", "drnas", "--space", "nasbench201", "--dataset", "digits", "--preset", "quick", "--seed", "3"]
    done = cli(*words, *settings, "--follow", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    types = [line["type"] for line in lines]
    assert types[0] == "started"
    assert types.count("epoch") == TINY["epochs"]
    assert types[-2:] == ["finished", "result"]
    result = lines[-1]
    assert result["status"] == "finished"
    assert result["epoch"] == result["epochs"] == TINY["epochs"]
    genotype = Genotype.from_json(result["genotype"])
    assert result["parameters"] == nasbench201.parameters(genotype)
    assert result["macs"] == nasbench201.macs(genotype, size=16)
    folder = Path(result["path"])
    assert json.loads((folder / "genotype.json").read_text()) == result["genotype"]
    assert (folder / "weights.safetensors").stat().st_size > 10_000


def test_the_same_seed_twice_gives_the_same_numbers(cli: Cli) -> None:
    runs = [cli.search(seed=3)["id"] for _ in range(2)]
    for run in runs:
        assert cli.wait(run, "finished", "failed", "lost") == "finished"
    first, second = map(cli.series, runs)
    assert first == second
    assert len(first) == TINY["epochs"]


def test_following_for_people_ends_with_the_genotype(cli: Cli) -> None:
    run = cli.search(epochs=2)["id"]
    shown = cli("runs", "follow", run[:8], "--plain").stdout
    assert shown.count("epoch ") == 2
    genotype = Genotype.from_json(cli.json("runs", "show", run)["genotype"])
    assert nasbench201.format_string(genotype) in shown


def test_two_seeds_are_compared_by_mean_and_deviation(cli: Cli) -> None:
    runs = [cli.search(seed=seed, epochs=1)["id"] for seed in (1, 2)]
    for run in runs:
        cli.wait(run, "finished")
    found = cli.json("runs", "compare", *runs)
    assert list(found["differs"]) == ["seed"]
    (group,) = found["groups"]
    assert group["seeds"] == [1, 2]
    assert group["best"]["search_accuracy"]["n"] == 2


def test_a_bundle_is_readable_without_nastui(cli: Cli, tmp_path: Path) -> None:
    run = cli.search(epochs=2)["id"]
    cli.wait(run, "finished")
    cli("runs", "export", run, "--to", tmp_path / "bundle")
    names = {file.name for file in (tmp_path / "bundle").iterdir()}
    assert names >= {"config.json", "events.jsonl", "metrics.csv", "architecture.csv", "genotype.json", "README.txt"}
    assert len((tmp_path / "bundle" / "metrics.csv").read_text().splitlines()) == 3
    assert len((tmp_path / "bundle" / "architecture.csv").read_text().splitlines()) == 1 + 2 * 6 * 5
    cli("runs", "export", run, "--to", tmp_path / "bundle", code=2)


def test_the_command_that_show_prints_repeats_the_run(cli: Cli) -> None:
    run = cli.search(epochs=1)
    cli.wait(run["id"], "finished")
    words = cli.json("runs", "show", run["id"])["command"].split()
    assert words[0] == "nastui"
    again = cli.json(*words[1:], "--detach")
    cli.wait(again["id"], "finished")
    assert cli.series(again["id"]) == cli.series(run["id"])


@pytest.mark.parametrize("name", ["engine.py", "runs/__init__.py", "screens.py", "torch.py", "nastui.py"])
def test_a_hostile_folder_changes_nothing(cli: Cli, name: str) -> None:
    trap = cli.folder / name
    trap.parent.mkdir(exist_ok=True)
    trap.write_text("raise SystemExit('taken over')")
    run = cli.search(epochs=1)["id"]
    assert cli.wait(run, "finished", "failed", "lost") == "finished"
    cli("--help")
    assert cli("runs", "list").stdout.count(run[:8]) == 1


def test_an_interrupt_ends_the_following_and_not_the_run(cli: Cli) -> None:
    words = [SCRIPT, "search", "drnas", "--preset", "quick", "--set", "channels=2", "--set", "threads=1"]
    following = subprocess.Popen(
        words,
        env=cli.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a shell are started with interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # one thread
    )
    assert following.stdout is not None
    assert "epoch 1/30" in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    _, said = following.communicate(timeout=30)
    assert following.returncode == 130
    assert "The run continues" in said
    run = cli.json("runs", "list")[0]["id"]
    assert cli.status(run) == "running"
    cli("runs", "stop", run)


def test_lines_for_a_pipe_do_not_end_in_the_terminal(cli: Cli) -> None:
    """A moving bar on stderr's terminal, and stdout a pipe: each gets its own."""
    script = f"'{SCRIPT}' search drnas --preset quick --set channels=2 --set epochs=2 --set threads=1 > lines.txt"
    terminal = pexpect.spawn("bash", ["-c", script], env=cli.environment | {"TERM": "xterm"}, cwd=str(cli.folder))
    terminal.expect(pexpect.EOF, timeout=60)
    terminal.close()
    assert terminal.exitstatus == 0
    assert b"images/s" in terminal.before
    lines = (cli.folder / "lines.txt").read_text()
    assert "epoch 2/2" in lines
    assert "genotype" in lines
    assert "\x1b" not in lines


def test_showing_a_genotype_says_when_nothing_comes_through(cli: Cli) -> None:
    dead = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
    assert cli.json("genotype", "show", dead)["connected"] is False
    assert "no path leads from the input to the output" in cli("genotype", "show", dead).stdout
    whole = cli.json("genotype", "show", dead.replace("none~0", "skip_connect~0"))
    assert whole["connected"] is True
    assert (whole["parameters"], whole["macs_counter"]) == (316_346, "convolutions and linear layers")
