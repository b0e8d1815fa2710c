"""What a store has, for comparison."""

from __future__ import annotations

from runs.home import Home
from runs.store.run_store import RunStore


def listed(home: Home) -> dict[str, str]:
    """Return what a new process reads of every run, in a form that can be compared."""
    fresh = RunStore(home)
    records = {record.id: repr(record) for record in fresh.records()}
    assert fresh.unreadable == {}
    return records
