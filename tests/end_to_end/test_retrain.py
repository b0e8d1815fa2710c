"""`nastui retrain`: a cell given by name, by run and as text; killed, resumed, shared by processes, exported."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import safetensors.torch
import torch
from PIL import Image

from tests.end_to_end.conftest import Cli, Finished, are_gone, commands

CELL = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|nor_conv_3x3~2|"
SMALL = {"channels": 4, "cells": 1, "epochs": 1, "image_limit": 100, "threads": 1}
NB201 = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]


# Long enough to be killed in the middle, even on a fast machine.
EPOCHS = 4
# The run never gets this far.
ENDLESS = 100_000


def weights(cli: Cli, run: str) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(cli.home.run(run).weights)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cli, str]]:
    """A finished retraining of a published cell, and commands in its home; tests only read it."""
    with commands(tmp_path_factory.mktemp("trained")) as cli:
        run = cli.retrain("DrNAS_cifar10", epochs=EPOCHS)["id"]
        assert cli.wait(run, "finished", "failed", "lost") == "finished"
        yield cli, run


def test_a_cell_of_the_library_to_the_end(trained: tuple[Cli, str]) -> None:
    cli, run = trained
    shown = cli.json("runs", "show", run)
    assert shown["kind"] == "retrain"
    assert shown["space"] == "darts"
    assert {"train_accuracy", "train_loss", "test_accuracy", "test_loss"} <= shown["metrics"].keys()
    assert shown["best"]["test_accuracy"] >= shown["metrics"]["test_accuracy"]
    assert shown["command"].startswith("nastui retrain DrNAS_cifar10 --dataset digits --preset quick")
    network = json.loads((Path(shown["path"]) / "network.json").read_text())
    assert network["settings"]["layers"] == 3
    assert sum(tensor.numel() for name, tensor in weights(cli, run).items() if is_parameter(name)) > shown["parameters"]
    assert "DrNAS_cifar10" in cli("runs", "show", run).stdout


def is_parameter(name: str) -> bool:
    return not name.endswith(("running_mean", "running_var", "num_batches_tracked"))


def test_what_a_search_found_at_any_of_its_epochs(cli: Cli, finished: Finished) -> None:
    search = cli.adopt(finished.paths)
    for more in ([], ["--epoch", "1"]):
        done = cli("retrain", search, *more, "--preset", "quick", *NB201, "--json")
        result = json.loads(done.stdout.splitlines()[-1])
        assert result["status"] == "finished"
        series = cli.series(search)
        assert result["genotype"] == series[0 if more else -1]["genotype"]
    assert cli("retrain", search, "--epoch", "9", code=2).stderr.startswith("nastui: ")


class TestProcesses:
    def test_two_compute_what_one_does_in_two_pieces(self, cli: Cli) -> None:
        """One step only; tests/engine/test_distributed.py has more, in float64."""
        options = {"epochs": 1, "image_limit": 16, "batch_size": 16, "threads": 2}
        runs = [cli.retrain("DrNAS_cifar10", "--gpus", 2, **options), cli.retrain("DrNAS_cifar10", pieces=2, **options)]
        for run in runs:
            assert cli.wait(run["id"], "finished", "failed", "lost") == "finished"
        together, alone = (weights(cli, run["id"]) for run in runs)
        for name, tensor in together.items():
            if is_parameter(name):
                torch.testing.assert_close(tensor, alone[name], rtol=1e-4, atol=1e-5)

    def test_what_reaches_one_reaches_all(self, cli: Cli) -> None:
        """A process is killed, the run is stopped, the supervisor is killed; in between it is resumed."""
        run = cli.retrain("DrNAS_cifar10", "--gpus", 2, epochs=ENDLESS, image_limit=64)["id"]
        cli.reach_epoch(run, 1)
        members = cli.members(run)
        os.kill(members[1].pid, signal.SIGKILL)
        assert cli.wait(run, "failed", "lost", "finished", seconds=20) == "failed"
        assert "Process 1 of 2" in cli.json("runs", "show", run)["problem"]
        assert "SIGKILL" in cli.json("runs", "show", run)["problem"]
        are_gone(members)

        members = self.resumed(cli, run)
        cli("runs", "stop", run)
        assert cli.status(run) == "stopped"
        are_gone(members)

        members = self.resumed(cli, run)
        cli.kill(run)
        are_gone(members)

    def resumed(self, cli: Cli, run: str) -> list[psutil.Process]:
        """Resume a run, and return its processes once they have worked for an epoch."""
        cli("runs", "resume", run)
        cli.reach_epoch(run, len(cli.series(run)) + 1)
        return cli.members(run)


def test_imagenet_recipe_on_a_small_folder(cli: Cli, tmp_path: Path) -> None:
    """Odd sizes and a grey, a CMYK and a truncated file, in ImageNet's layout."""
    folder = imagenet(tmp_path / "images")
    command = ["retrain", "DrNAS_imagenet", "--preset", "drnas-imagenet", "--dataset", folder]
    small = {"epochs": 1, "channels": 4, "layers": 3, "image_size": 64, "batch_size": 6, "workers": 1, "threads": 1}
    settings = [word for key, value in small.items() for word in ("--set", f"{key}={value}")]
    done = cli(*command, *settings, "--set", "workers=0", "--json", code=None)
    assert done.returncode != 0
    assert "truncated.jpg" in done.stdout + done.stderr
    result = json.loads(cli(*command, *settings, "--set", "broken_images=skip", "--json").stdout.splitlines()[-1])
    assert result["status"] == "finished"
    epoch = cli.series(result["id"])[-1]
    assert epoch["extras"]["skipped_images"] == 1
    assert epoch["learning_rates"]["weights"] == pytest.approx(0.1)  # a fifth of 0.5, in the first epoch of warm-up


def imagenet(folder: Path) -> Path:
    generator = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 4)):
        for name in ("n01440764", "n01443537", "n01484850"):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                height, width = generator.integers(40, 130, 2)
                pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
                image = Image.fromarray(pixels).convert({0: "L", 1: "CMYK"}.get(number, "RGB"))
                image.save(folder / part / name / f"{number}.jpg")
    broken = folder / "train" / "n01440764" / "truncated.jpg"
    whole = (folder / "train" / "n01440764" / "2.jpg").read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    return folder


def test_exports_compute_the_same(trained: tuple[Cli, str], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    import onnxruntime

    from engine.training.model_io import rebuild

    cli, run = trained
    cli("runs", "export", run, "--to", tmp_path / "bundle", "--onnx")
    network = rebuild(tmp_path / "bundle")
    images = torch.randn(5, 3, 16, 16)
    session = onnxruntime.InferenceSession(str(tmp_path / "bundle" / "network.onnx"))
    with torch.no_grad():
        expected = network(images)
    assert isinstance(expected, torch.Tensor)
    found = torch.from_numpy(session.run(None, {"images": images.numpy()})[0])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    given = ["--weights", tmp_path / "bundle" / "weights.safetensors", "--evaluate", "--preset", "quick"]
    size = ["--set", "layers=3", "--set", "channels=4", "--set", "image_size=16", "--set", "threads=1"]
    evaluated = cli("retrain", "DrNAS_cifar10", *given, *size, "--json")
    result = json.loads(evaluated.stdout.splitlines()[-1])
    assert result["metrics"]["test_accuracy"] == cli.json("runs", "show", run)["metrics"]["test_accuracy"]


class TestBadInput:
    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["DrNAS_cifar11"], "DrNAS_cifar10"),
            (["DrNAS_cifar10", "--preset", "drnas-cifr"], "drnas-cifar"),
            (["DrNAS_cifar10", "--preset", "nasbench201-200"], "preset"),
            (["DrNAS_cifar10", "--set", "chanels=4"], "channels"),
            (["DrNAS_cifar10", "--evaluate"], "--weights"),
            ([CELL, "--set", "drop_path=0.1"], "drop_path"),
        ],
    )
    def test_wrong_words(self, cli: Cli, words: list[str], says: str) -> None:
        done = cli("retrain", *words, code=None)
        assert done.returncode in (2, 3)
        assert says in done.stderr
        assert "Traceback" not in done.stderr
        assert not cli.json("runs", "list")

    def test_weights_that_are_not_there(self, cli: Cli) -> None:
        assert "no file" in cli("retrain", CELL, "--weights", "nowhere.pt", "--preset", "quick", code=3).stderr

    @pytest.mark.parametrize("content", [b"no checkpoint", b"\x80\x04cos\nsystem\n(S'touch exploded'\ntR."])
    def test_weights_that_are_none(self, cli: Cli, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "w.pt").write_bytes(content)
        done = cli("retrain", CELL, "--weights", tmp_path / "w.pt", "--preset", "quick", *NB201, code=2)
        assert "not opened" in done.stderr or "damaged" in done.stderr
        assert not list(tmp_path.rglob("exploded"))
        assert not cli.json("runs", "list")

    def test_a_folder_without_val(self, cli: Cli, tmp_path: Path) -> None:
        folder = imagenet(tmp_path / "images")
        (folder / "val").rename(folder / "validation")
        assert "'val'" in cli("retrain", "DrNAS_imagenet", "--dataset", folder, code=5).stderr

    def test_weights_of_another_network_create_no_run(self, cli: Cli, trained: tuple[Cli, str]) -> None:
        file = trained[0].home.run(trained[1]).weights
        done = cli("retrain", CELL, "--weights", file, "--preset", "quick", "--evaluate", *NB201, code=2)
        assert "belongs to another network: it lacks" in done.stderr
        assert "Name the genotype that it was trained with, and set channels, cells as in its training." in done.stderr
        assert not cli.json("runs", "list")
