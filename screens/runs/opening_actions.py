"""Opening other screens from the Runs screen: a new run, the newest one, a comparison, the genotypes, the queue."""

from __future__ import annotations

from runs.configuration import Draft
from runs.errors import NastuiError
from runs.store.run_store import RunStore
from screens.actions.screen import ActionScreen
from screens.actions.screen_actions import ScreenActions
from screens.destinations import OpenComparison, OpenGenotypes, OpenNewRun, OpenQueue, OpenRun
from screens.runs.run_list import RunList

DEMONSTRATION = Draft(method="drnas", preset="quick", name="demonstration")
"""A search that needs only what is installed."""


class OpeningActions(ScreenActions):
    """What opens another screen.

    Args:
        screen: the screen that asks for it.
        store: where the demonstration is created.
        runs: the list.
    """

    def __init__(self, screen: ActionScreen[None], store: RunStore, runs: RunList) -> None:
        self._screen, self._store, self._runs = screen, store, runs
        self._starting = False

    def has_effect(self, action: str) -> bool:
        """Return whether there are runs to open or to compare; the demonstration is for an empty store."""
        runs = self._runs
        match action:
            case "demonstrate":
                return runs.has_read and not runs.records and not runs.read.problem
            case "latest":
                return bool(runs.records)
            case "compare":
                return len(runs.chosen) > 1
        return True

    def action_new_run(self) -> None:
        """Open the form of a new run; in an empty store it starts with the preset of the demonstration."""
        self._screen.post_message(OpenNewRun("paper" if self._runs.records else "quick"))

    def action_demonstrate(self) -> None:
        """Start the demonstration and open it."""
        if self._starting:
            return
        self._starting = True
        self._screen.say("Starting the demonstration …")
        self._screen.in_background(self._demonstrate, group="demonstrate")

    def _demonstrate(self) -> None:
        # Imported here, because it would slow down the start of the app.
        from runs.supervision import new_run

        try:
            config, _ = new_run.start(self._store, DEMONSTRATION)
            self._screen.post_message(OpenRun(config.id))
        except NastuiError as error:
            self._screen.say(str(error), "error")
        finally:
            self._starting = False

    def action_latest(self) -> None:
        """Open the newest run."""
        self._screen.post_message(OpenRun(self._runs.records[0].id))

    def action_compare(self) -> None:
        """Compare the chosen runs."""
        self._screen.post_message(OpenComparison([record.id for record in self._runs.chosen]))

    def action_genotypes(self) -> None:
        """Open the library of genotypes."""
        self._screen.post_message(OpenGenotypes())

    def action_queue(self) -> None:
        """Open the queue."""
        self._screen.post_message(OpenQueue())
