"""A checkpoint that is not as it was written is refused, and the one before it is kept for that case."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.core import artifacts, checkpoint
from engine.core.artifacts import Artifacts
from engine.training.weights import read_weights
from runs.errors import UsageError
from runs.home import RunPaths
from runs.store import checkpoint_file
from runs.store.checkpoint_file import DamagedCheckpointError, fault_of, go_back

RUN = "0123abcd-drnas-darts"


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    folder = tmp_path / RUN
    folder.mkdir()
    return RunPaths(folder)


def save(paths: RunPaths, epoch: int) -> None:
    generator = torch.Generator().manual_seed(epoch)
    checkpoint.save(paths.checkpoint, RUN, {"epoch": epoch, "w": torch.randn(40, generator=generator)})


def load(paths: RunPaths) -> dict[str, Any]:
    state = checkpoint.load(paths.checkpoint, RUN)
    assert state is not None
    return state


def flip(file: Path, place: int, bit: int = 0) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1 << bit
    file.write_bytes(content)


def test_any_flipped_bit_is_found(paths: RunPaths) -> None:
    save(paths, 1)
    whole = paths.checkpoint.read_bytes()
    assert fault_of(paths.checkpoint) == ""
    chosen = random.Random(0).sample(range(len(whole)), 300)
    for place in [*chosen, *range(len(whole) - 40, len(whole))]:
        flip(paths.checkpoint, place, place % 8)
        with pytest.raises(DamagedCheckpointError, match=r"damaged: .* There is none before it\."):
            load(paths)
        paths.checkpoint.write_bytes(whole)
    assert load(paths)["epoch"] == 1


@pytest.mark.parametrize("left", [0, 1, 21, 22, 23, 500, -1, -21, -23])
def test_a_cut_file_is_found(paths: RunPaths, left: int) -> None:
    save(paths, 1)
    paths.checkpoint.write_bytes(paths.checkpoint.read_bytes()[:left])
    with pytest.raises(DamagedCheckpointError):
        load(paths)


def test_zeros_that_a_file_system_left_and_appended_bytes_are_found(paths: RunPaths) -> None:
    save(paths, 1)
    whole = paths.checkpoint.read_bytes()
    paths.checkpoint.write_bytes(bytes(len(whole)))
    assert fault_of(paths.checkpoint)
    paths.checkpoint.write_bytes(whole + b"\0")
    assert fault_of(paths.checkpoint)


class TestOfVersion02:
    """Its checkpoints have no seal, but each entry of the archive has a checksum."""

    @pytest.fixture
    def older(self, paths: RunPaths) -> RunPaths:
        content = {"version": 1, "run": RUN, "state": {"epoch": 7, "w": torch.arange(1000.0)}}
        torch.save(content, paths.checkpoint)
        return paths

    def test_is_read(self, older: RunPaths) -> None:
        assert load(older)["epoch"] == 7

    def test_a_flipped_bit_of_a_weight_is_found(self, older: RunPaths) -> None:
        at = older.checkpoint.read_bytes().index(torch.arange(500.0, 510.0).numpy().tobytes())
        flip(older.checkpoint, at + 3)
        with pytest.raises(DamagedCheckpointError, match="does not match its checksum"):
            load(older)


class TestThePreviousCheckpoint:
    def test_is_offered_and_takes_the_place_of_the_damaged_one(self, paths: RunPaths) -> None:
        for epoch in (1, 2, 3):
            save(paths, epoch)
        flip(paths.checkpoint, 300)
        command = "nastui runs resume 0123abcd --previous-checkpoint"
        with pytest.raises(DamagedCheckpointError, match=f"Resume from the one before: {command}") as caught:
            load(paths)
        assert caught.value.has_previous
        go_back(paths)
        assert load(paths)["epoch"] == 2
        assert fault_of(paths.previous_checkpoint)  # nothing is deleted before the next checkpoint

    def test_is_taken_if_the_last_one_is_gone(self, paths: RunPaths) -> None:
        save(paths, 1)
        save(paths, 2)
        paths.checkpoint.unlink()
        go_back(paths)
        assert load(paths)["epoch"] == 1

    def test_is_not_offered_if_it_is_damaged_too(self, paths: RunPaths) -> None:
        save(paths, 1)
        save(paths, 2)
        flip(paths.checkpoint, 300)
        flip(paths.previous_checkpoint, 300)
        with pytest.raises(DamagedCheckpointError, match="none before it"):
            load(paths)
        with pytest.raises(UsageError, match="is damaged too"):
            go_back(paths)

    def test_there_is_none_after_the_first(self, paths: RunPaths) -> None:
        save(paths, 1)
        flip(paths.checkpoint, 300)
        with pytest.raises(UsageError, match="has no previous checkpoint"):
            go_back(paths)

    def test_is_not_taken_if_the_last_one_is_sound(self, paths: RunPaths) -> None:
        save(paths, 1)
        save(paths, 2)
        go_back(paths)
        go_back(paths)
        assert load(paths)["epoch"] == 2

    def test_a_file_system_without_second_names_keeps_none(
        self, paths: RunPaths, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(checkpoint_file.os, "link", refuse)
        save(paths, 1)
        save(paths, 2)
        assert [file.name for file in paths.root.iterdir()] == ["checkpoint.pt"]
        assert load(paths)["epoch"] == 2


TENSORS = {"a.weight": torch.arange(64.0), "b": torch.tensor(3), "c": torch.ones(2, 3, dtype=torch.bfloat16)}


class TestWeights:
    def test_are_read_as_they_were_written(self, paths: RunPaths) -> None:
        Artifacts(paths).weights(TENSORS)
        found = read_weights(paths.weights)
        assert all(torch.equal(tensor, found[name]) for name, tensor in TENSORS.items())

    def test_a_flipped_bit_is_found(self, paths: RunPaths) -> None:
        Artifacts(paths).weights(TENSORS, best=True)
        at = paths.best.read_bytes().index(torch.arange(10.0, 20.0).numpy().tobytes())
        flip(paths.best, at + 2)
        with pytest.raises(UsageError, match="damaged: their content does not match their checksum"):
            read_weights(paths.best)

    def test_of_other_tools_have_no_checksum(self, tmp_path: Path) -> None:
        file = tmp_path / "weights.safetensors"
        artifacts.safetensors.torch.save_file({"a": torch.ones(3)}, file)
        assert list(read_weights(file)) == ["a"]
