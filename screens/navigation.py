"""Which screen a destination opens. No other module opens screens, so no screen has to know another one.

Screens other than Runs are imported when they are first opened: charts take long to import, and Runs has none.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.screen import Screen

from runs.store.run_store import RunStore
from screens.destinations import (
    Destination,
    OpenCells,
    OpenComparison,
    OpenGenotypes,
    OpenNewRun,
    OpenQueue,
    OpenRetrain,
    OpenRun,
    OpenSweep,
)
from screens.runs.screen import RunsScreen


class Navigation:
    """Opens the screens of an app.

    Args:
        app: the app that shows them.
        store: the store of runs that all of them share.
    """

    def __init__(self, app: App[Any], store: RunStore) -> None:
        self._app, self._store = app, store
        self.home = RunsScreen(store)

    def open(self, destination: Destination) -> None:
        """Open the screen of a destination.

        Raises:
            LookupError: there is no such destination.
        """
        if isinstance(destination, OpenRun | OpenSweep) and destination.instead:
            self._app.switch_screen(self._screen(destination))
        else:
            self._app.push_screen(self._screen(destination))

    def _screen(self, destination: Destination) -> Screen[None]:
        match destination:
            case OpenRun(run_id=run_id):
                from screens.run.screen import RunScreen

                return RunScreen(self._store, run_id)
            case OpenSweep(sweep=sweep):
                from screens.sweep.screen import SweepScreen

                return SweepScreen(self._store, sweep)
            case OpenQueue():
                from screens.queue.screen import QueueScreen

                return QueueScreen(self._store)
            case OpenNewRun(preset=preset):
                from screens.starting.new_run import NewRunScreen

                return NewRunScreen(self._store, preset=preset)
            case OpenRetrain(found=found):
                from screens.starting.retrain import RetrainScreen

                return RetrainScreen(self._store, found)
            case OpenComparison(run_ids=run_ids):
                from screens.compare.screen import CompareScreen

                return CompareScreen(self._store, run_ids)
            case OpenGenotypes():
                from screens.genotypes.screen import GenotypesScreen

                return GenotypesScreen(self._store)
            case OpenCells(genotypes=genotypes):
                from screens.genotypes.cells import CellsScreen

                return CellsScreen(genotypes)
        raise LookupError(f"no screen for {destination!r}")
