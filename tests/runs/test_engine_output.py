"""What an engine printed is shown, whatever it is."""

from __future__ import annotations

from pathlib import Path

from runs.home import RunPaths
from runs.store.engine_output import output_end


def test_the_end_of_the_output_is_readable_whatever_it_holds(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    assert output_end(paths) == ""
    paths.log.write_bytes(b"\xff" * 1000 + b"\nRuntimeError: out of memory\n")
    assert output_end(paths, limit=40).endswith("RuntimeError: out of memory")
