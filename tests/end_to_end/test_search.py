"""A search from end to end: the console script, a real engine, JSON and exit codes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pexpect
import pexpect.fdpexpect

from runs.genotypes import nasbench201
from runs.genotypes.genotype import Genotype
from runs.log.event_log import EventLog
from runs.log.events import Started
from tests.end_to_end.conftest import COPIES, SCRIPT, TINY, Cli, Finished
from tests.end_to_end.copies import Program
from tests.synthetic import make_run

# The run never gets this far.
ENDLESS = 100_000


def test_following_a_search_prints_json_lines_and_the_result(finished: Finished) -> None:
    types = [line["type"] for line in finished.lines]
    assert types[0] == "started"
    assert types.count("epoch") == TINY["epochs"]
    assert types[-2:] == ["finished", "result"]
    result = finished.result
    assert result["status"] == "finished"
    assert result["epoch"] == result["epochs"] == TINY["epochs"]
    genotype = Genotype.from_json(result["genotype"])
    assert result["parameters"] == nasbench201.parameters(genotype)
    assert result["macs"] == nasbench201.macs(genotype, size=16)
    folder = Path(result["path"])
    assert json.loads((folder / "genotype.json").read_text()) == result["genotype"]
    assert (folder / "weights.safetensors").stat().st_size > 10_000


def test_following_for_people_ends_with_the_genotype(finished: Finished) -> None:
    shown = finished.cli("runs", "follow", finished.run[:8], "--plain").stdout
    assert shown.count("epoch ") == TINY["epochs"]
    genotype = Genotype.from_json(finished.cli.json("runs", "show", finished.run)["genotype"])
    assert nasbench201.format_string(genotype) in shown


def test_the_command_that_show_prints_repeats_the_run(cli: Cli, finished: Finished) -> None:
    """The same seed twice gives the same numbers."""
    words = finished.cli.json("runs", "show", finished.run)["command"].split()
    assert words[0] == "nastui"
    again = cli.json(*words[1:], "--detach")["id"]
    assert cli.wait(again, "finished", "failed", "lost") == "finished"
    assert cli.series(again) == finished.cli.series(finished.run)
    assert len(cli.series(again)) == TINY["epochs"]
    assert cli("runs", "list").stdout.count(again[:8]) == 1


def test_the_command_that_show_prints_has_the_threads_that_the_engine_chose(cli: Cli) -> None:
    config, paths = make_run(cli.home.root, done=0)
    with EventLog(paths.events) as event_log:
        event_log.append(Started({"threads": 3, "threads_reason": "3 of 4 cores idle"}))
    shown = cli.json("runs", "show", config.id)
    assert shown["command"].endswith(" --set threads=3")
    assert (shown["threads"], shown["threads_reason"]) == (3, "3 of 4 cores idle")


def test_two_seeds_are_compared_by_mean_and_deviation(cli: Cli, finished: Finished) -> None:
    first = cli.adopt(finished.paths)
    second = cli.adopt(finished.paths, seed=4)
    found = cli.json("runs", "compare", first, second)
    assert list(found["differs"]) == ["seed"]
    (group,) = found["groups"]
    assert group["seeds"] == [3, 4]
    assert group["best"]["search_accuracy"]["n"] == 2


def test_a_bundle_is_readable_without_nastui(finished: Finished, tmp_path: Path) -> None:
    finished.cli("runs", "export", finished.run, "--to", tmp_path / "bundle")
    names = {file.name for file in (tmp_path / "bundle").iterdir()}
    assert names >= {"config.json", "events.jsonl", "metrics.csv", "architecture.csv", "genotype.json", "README.txt"}
    epochs = TINY["epochs"]
    assert len((tmp_path / "bundle" / "metrics.csv").read_text().splitlines()) == 1 + epochs
    assert len((tmp_path / "bundle" / "architecture.csv").read_text().splitlines()) == 1 + epochs * 6 * 5
    finished.cli("runs", "export", finished.run, "--to", tmp_path / "bundle", code=2)


def test_an_interrupt_ends_the_following_and_not_the_run(cli: Cli, eventually: Callable[..., None]) -> None:
    lines, errors = cli.folder / "lines", cli.folder / "errors"
    following = follow(cli, lines, errors, epochs=ENDLESS, image_limit=64)
    eventually(lambda: lines.exists() and f"epoch 1/{ENDLESS}" in lines.read_text())
    following.send_signal(signal.SIGINT)
    assert following.wait() == 130
    assert "The run continues" in errors.read_text()
    run = cli.json("runs", "list")[0]["id"]
    assert cli.status(run) == "running"
    cli("runs", "stop", run)


def test_lines_for_a_pipe_do_not_end_in_the_terminal(cli: Cli) -> None:
    """A progress bar goes to the terminal on stderr, and lines to the file on stdout."""
    ours, its = os.openpty()
    file = cli.folder / "lines.txt"
    following = follow(cli, file, Path(os.ttyname(its)), epochs=2)
    terminal = pexpect.fdpexpect.fdspawn(ours, timeout=60)
    terminal.expect("images/s")
    os.close(its)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert following.wait() == 0
    lines = file.read_text()
    assert "epoch 2/2" in lines
    assert "genotype" in lines
    assert "\x1b" not in lines


def follow(cli: Cli, stdout: Path, stderr: Path, **options: object) -> Program:
    """Start a tiny search that is followed."""
    settings = [f"--set={key}={value}" for key, value in (TINY | options).items()]
    words = [str(SCRIPT), "search", "drnas", "--preset", "quick", *settings]
    return COPIES.start(words, cli.environment | {"TERM": "xterm"}, cli.folder, 60, (str(stdout), str(stderr)))


def test_showing_a_genotype_says_when_nothing_comes_through(cli: Cli) -> None:
    dead = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
    assert cli.json("genotype", "show", dead)["connected"] is False
    assert "no path leads from the input to the output" in cli("genotype", "show", dead).stdout
    whole = cli.json("genotype", "show", dead.replace("none~0", "skip_connect~0"))
    assert whole["connected"] is True
    assert (whole["parameters"], whole["macs_counter"]) == (316_346, "convolutions and linear layers")
