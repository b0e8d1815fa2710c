"""A search on images in ImageNet's layout, streamed from files: killed and resumed, it ends with the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.end_to_end.conftest import Cli, shadows
from tests.end_to_end.test_retrain import imagenet

SMALL = {
    "epochs": 4,
    "stage_epochs": "2,2",
    "arch_frozen_epochs": 1,
    "warm_up_epochs": 1,
    "channels": 12,
    "layers": 3,
    "image_size": 32,
    "batch_size": 4,
    "weight_share": 0.35,
    "arch_share": 0.2,
    "threads": 1,
    "checkpoint_seconds": 0.2,
}


def test_a_killed_search_ends_as_if_nothing_had_happened(
    cli: Cli, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    folder = imagenet(tmp_path / "images")
    (folder / "train" / "n01440764" / "truncated.jpg").unlink()
    # The processes that decode images find our packages, whatever else has their names.
    cli.environment["PYTHONPATH"] = str(shadows(tmp_path / "foreign", "module"))
    settings = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    command = ["search", "drnas", "--space", "darts", "--preset", "paper-imagenet", "--dataset", folder, *settings]
    # Whether a process of its own decodes the images changes nothing either.
    runs = [cli.json(*command, "--set", f"workers={workers}", "--detach")["id"] for workers in (0, 1)]
    eventually(lambda: len(cli.series(runs[1])) >= 1, seconds=90)
    cli.kill(runs[1])
    assert cli.wait(runs[1], "lost", "finished") == "lost"
    assert cli.wait(runs[0], "finished", "failed", "lost") == "finished"
    cli("runs", "resume", runs[1])
    assert cli.wait(runs[1], "finished", "failed", "lost") == "finished"
    first, second = map(cli.series, runs)
    assert first == second
    assert ["search_accuracy" in epoch["metrics"] for epoch in first] == [False, True, True, True]
    assert first[0]["learning_rates"]["weights"] == 0.5
    assert {len(row) for row in first[-1]["extras"]["operations_alive"].values()} == {14}
    assert cli.json("runs", "show", runs[0])["genotype"] == first[-1]["genotype"]
