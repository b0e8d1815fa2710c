"""Every method on a GPU, in each of its spaces: it searches, evaluates, and resumes with the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.test_every_method import CASES, check_resuming, configured


@pytest.mark.parametrize(("name", "space"), CASES)
def test_it_goes_on_where_it_was_killed(name: str, space: str, device: str, tmp_path: Path) -> None:
    """The default is deterministic, so all three epochs are the same bits, as on a CPU."""
    check_resuming(configured(name, space, device), tmp_path / "checkpoint.pt")
