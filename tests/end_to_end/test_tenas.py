"""TE-NAS from the command line: a search with a request for more draws, killed and resumed; scores of single cells."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from runs.log.event_log import EventLogReader
from runs.log.events import Answered, EpochEnded, Interim
from tests.end_to_end.conftest import Cli

SMALL = ("repeats=4", "batch_size=8", "region_samples=100", "image_size=8", "threads=1", "checkpoint_seconds=0.1")
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|"


def start(cli: Cli, *words: object) -> str:
    settings = [word for setting in SMALL for word in ("--set", setting)]
    return str(cli.json("search", "tenas", "--preset", "quick", "--device", "cpu", *settings, "--detach", *words)["id"])


def test_asked_for_more_draws_killed_and_resumed_it_ends_with_a_cell(cli: Cli) -> None:
    run = start(cli)
    cli("runs", "pause", run)
    refused = cli("runs", "ask", run, "more-drawz", code=2)
    assert "Did you mean 'more-draws'?" in refused.stderr
    cli("runs", "ask", run, "more-draws")
    cli("runs", "resume", run)
    paths = cli.home.run(run)
    cli.until(run, lambda _: any(isinstance(entry.event, Answered) for entry in EventLogReader(paths.events).read()))
    cli.kill(run)
    cli.wait(run, "lost", seconds=5)
    assert "no engine that could answer" in cli("runs", "ask", run, "another-seed", code=2).stderr
    cli("runs", "resume", run)
    cli.wait(run, "finished")
    events = [entry.event for entry in EventLogReader(paths.events).read()]
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert sorted(event.extras["draws"] for event in epochs) == [4, 4, 8]
    assert any(isinstance(event, Interim) for event in events)
    genotype = cli.json("runs", "show", run)["genotype"]
    assert "none" not in str(genotype)


def test_a_cell_is_scored(cli: Cli) -> None:
    words = ("--dataset", "digits", "--repeats", 3, "--set", "threads=1", "--set", "batch_size=8")
    scores = cli.json("genotype", "score", CELL, *words)
    assert scores == cli.json("genotype", "score", CELL, *words) | {"seconds": scores["seconds"]}
    assert len(scores["kappa"]) == len(scores["regions"]) == 3
    assert all(kappa > 1 for kappa in scores["kappa"])
    assert all(1 < regions < scores["samples"] for regions in scores["regions"])
    assert scores["log10_kappa"]["std"] > 0


@pytest.mark.parametrize(
    ("size", "count", "words", "message"),
    [
        (2, 4, (), "2 x 2 pixels"),
        (8, 4, ("--set", "ntk_backward=per_sample", "--set", "ntk_norm=batch"), "needs ntk_norm=frozen"),
        (8, 4, ("--set", "batch_size=1"), "batch_size in --set is '1'"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    cli: Cli, tmp_path: Path, size: int, count: int, words: tuple[str, ...], message: str
) -> None:
    for part in ("train", "test"):
        for number in range(count):
            folder = tmp_path / "images" / part / str(number % 2)
            folder.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (size, size), (number, 0, 0)).save(folder / f"{number}.png")
    refused = cli("genotype", "score", CELL, "--dataset", tmp_path / "images", *words, code=2, starts=True)
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
