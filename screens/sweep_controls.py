"""Resuming sweeps, and adding seeds to them."""

from __future__ import annotations

from collections.abc import Callable

from runs.formatting import count
from runs.store.run_store import RunStore
from screens.actions.screen import ActionScreen


class SweepControls:
    """Changes sweeps for a screen, which shows the outcome. Each change is made in a thread.

    Args:
        screen: shows the notifications.
        store: where the runs are stored.
        changed: called from a thread after each change.
    """

    def __init__(
        self, screen: ActionScreen[None], store: RunStore, changed: Callable[[], object] = lambda: None
    ) -> None:
        self._screen, self._store, self._changed = screen, store, changed

    def resume(self, sweep: str) -> None:
        """Queue the runs of a sweep that are missing, were not started, were lost or failed."""

        def resume_sweep() -> None:
            # Imported here, because it would slow down the start of the app.
            from runs.fleet import sweep_starting
            from runs.fleet.sweep_store import SweepStore

            sweeps = SweepStore(self._store)
            queued, _ = sweep_starting.resume(sweeps, sweeps.find(sweep))
            runs = count(queued, "run")
            self._screen.say(f"Queued {runs} of sweep {sweep}." if queued else "Nothing of this sweep is missing.")
            self._changed()

        self._screen.in_background(resume_sweep, group="change")

    def add_seeds(self, sweep: str, seeds: str) -> None:
        """Add seeds such as ``10-19`` to each combination of values of a sweep, and queue their runs."""

        def add_seeds() -> None:
            from runs.fleet import sweep_starting
            from runs.fleet.grid import seeds_of
            from runs.fleet.sweep_store import SweepStore

            sweeps = SweepStore(self._store)
            added = sweep_starting.add_seeds(sweeps, sweeps.find(sweep), seeds_of(seeds))
            self._screen.say(f"Queued {count(added, 'run')} more of sweep {sweep}.")
            self._changed()

        self._screen.in_background(add_seeds, group="change")
