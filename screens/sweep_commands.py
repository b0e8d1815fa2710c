"""What screens do with whole sweeps."""

from __future__ import annotations

from runs.formatting import count
from runs.store.run_store import RunStore


def resumed(store: RunStore, sweep: str) -> str:
    """Queue the runs of a sweep that are missing, were lost or failed, and return what was done; call it in a thread.

    Raises:
        NastuiError: there is no such sweep, or the queue cannot be written.
    """
    # Imported here, because it would slow down the start of the app.
    from runs.fleet.sweep import SweepStore

    sweeps = SweepStore(store)
    queued, _ = sweeps.resume(sweeps.find(sweep))
    return f"Queued {count(queued, 'run')} of sweep {sweep}." if queued else "Nothing of this sweep is missing."


def added_seeds(store: RunStore, sweep: str, seeds: str) -> str:
    """Add seeds to a sweep, queue their runs, and return what was done; call it in a thread.

    Raises:
        NastuiError: they are not seeds, or one is there already, or the queue cannot be written.
    """
    from runs.fleet.grid import seeds_of
    from runs.fleet.sweep import SweepStore

    sweeps = SweepStore(store)
    before = sweeps.find(sweep)
    after = sweeps.add_seeds(before, seeds_of(seeds))
    added = {member.run for member in after.members[len(before.members) :]}
    sweeps.enqueue([record for record in sweeps.records(after) if record.id in added])
    return f"Queued {count(len(added), 'run')} more of sweep {sweep}."
