"""Keeping a dispatcher at work while the dashboard is open: one that was killed is replaced."""

from __future__ import annotations

from runs.errors import NastuiError
from runs.fleet.queueing import ensure_dispatcher
from runs.store.run_store import RunStore
from screens import settings
from screens.actions.screen import ActionScreen

SECONDS = 2.0
"""Between two calls of :meth:`DispatcherKeeper.ensure`."""


class DispatcherKeeper:
    """Starts a dispatcher when runs wait and there is none.

    Args:
        screen: shows what went wrong.
        store: the store whose queue the dispatcher works on.
    """

    def __init__(self, screen: ActionScreen[None], store: RunStore) -> None:
        self._screen, self._store = screen, store
        self._working = False
        self._problem = ""

    def ensure(self) -> None:
        """Look for the dispatcher in a thread, unless that is being done already; does nothing if read-only."""
        if not self._working and not settings.of(self._screen.app).readonly:
            self._working = True
            self._screen.in_background(self._ensure_dispatcher, group="dispatcher")

    def _ensure_dispatcher(self) -> None:
        problem = ""
        try:
            ensure_dispatcher(self._store.home, self._store.queue)
        except NastuiError as error:
            problem = str(error)
        finally:
            self._working = False
        if problem and problem != self._problem:
            self._screen.say(problem, "error")
        self._problem = problem
