"""Checkpoints: complete, written atomically, and safe to open (loading runs no code)."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import IO, Any

import torch

from runs.errors import EnvironmentLacksError, UsageError
from runs.files import open_regular, replace_with
from runs.home import RunPaths
from runs.store import checkpoint_file
from runs.store.checkpoint_file import DamagedCheckpointError, Sealed

SCHEMA_VERSION = 1


def save(path: Path, run_id: str, state: dict[str, Any]) -> int:
    """Replace the checkpoint, which is on the disk when this returns; return its size in bytes.

    Raises:
        EnvironmentLacksError: it cannot be written; the previous checkpoint is intact.
    """
    content = {"version": SCHEMA_VERSION, "run": run_id, "state": state}

    def write(stream: IO[bytes]) -> None:
        sealed = Sealed(stream)
        torch.save(content, sealed)  # type: ignore[arg-type]  # it needs `write` and `flush` only
        sealed.seal()

    try:
        checkpoint_file.keep_previous(RunPaths(path.parent))
        return replace_with(path, write)
    except (OSError, RuntimeError) as error:  # torch's own writer turns a short write into a RuntimeError
        raise EnvironmentLacksError(
            f"The checkpoint '{path}' cannot be written: {getattr(error, 'strerror', None) or error}.",
            "Free some space, then resume: the run continues from the previous checkpoint.",
        ) from error


def load(path: Path, run_id: str) -> dict[str, Any] | None:
    """Return the state of a run; None if there is no checkpoint yet.

    Raises:
        DamagedCheckpointError: the file is not as it was written.
        UsageError: it is of another run, or of a newer version.
    """
    checkpoint_file.check(path)
    try:
        with open_regular(path) as stream:
            content = torch.load(stream, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise DamagedCheckpointError(path, f"it cannot be read ({type(error).__name__})") from error
    if not isinstance(content, dict) or content.get("run") != run_id:
        raise UsageError(f"'{path}' is not a checkpoint of run '{run_id}'.")
    if content["version"] > SCHEMA_VERSION:
        raise UsageError(f"'{path}' was written by a newer nastui.", "Update nastui, then resume.")
    state: dict[str, Any] = content["state"]
    return state
