"""What several storms need, made once."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def undisturbed_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the table and of the runs that nothing has disturbed."""
    return tmp_path_factory.mktemp("undisturbed")
