"""Copying and retraining the cell of a run, exporting its files, naming it, and comparing it with another run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from runs.home import short_id
from runs.store.export import export
from runs.store.find_genotype import find
from runs.store.record import Record
from runs.store.run_store import RunStore
from screens.actions.screen import ActionScreen
from screens.actions.screen_actions import ScreenActions
from screens.destinations import OpenComparison, OpenRetrain
from screens.exports import free_path
from screens.formatting import clean
from screens.label_editing import edit_labels
from screens.run.view_state import ViewState
from screens.views.epochs import genotype_text
from screens.widgets.ask_line import AskLine
from screens.widgets.pick_one import PickOne

_MOST_RUNS = 200


class FollowUpActions(ScreenActions):
    """What is done with a run and its genotypes. Slow work is done in a thread.

    Args:
        screen: asks the questions and shows the outcome.
        store: where the run is stored.
        state: what the screen shows.
        record: returns the run; None before it has been read.
    """

    def __init__(
        self, screen: ActionScreen[None], store: RunStore, state: ViewState, record: Callable[[], Record | None]
    ) -> None:
        self._screen, self._store, self._state, self._record = screen, store, state, record

    def has_effect(self, action: str) -> bool:
        """Return whether there is a run whose name and note can be edited; the others say what is missing."""
        return action != "labels" or self._record() is not None

    def action_copy(self) -> None:
        """Copy the genotype of the selected epoch, and name the file that contains it."""
        selected, record = self._state.selected, self._record()
        if record is None or selected.event is None or selected.event.genotype is None:
            self._screen.say("There is no genotype to copy yet.", "warning")
            return
        last = selected.index == len(self._state.history.epochs) - 1
        path = record.paths.genotype if last and record.paths.genotype.exists() else record.paths.events
        self._screen.copy(genotype_text(selected.event), f"the genotype of epoch {selected.event.epoch}", path)

    def action_retrain(self) -> None:
        """Open the form that retrains the cell of the selected epoch."""
        event, record = self._state.selected.event, self._record()
        if record is None or event is None or event.genotype is None:
            self._screen.say("There is no genotype to retrain yet.", "warning")
            return
        run, epoch = record.id, event.epoch

        def find_genotype() -> None:
            found = find(run, self._store, epoch=epoch)
            self._screen.post_message(OpenRetrain(dataclasses.replace(found, name=f"{run}, epoch {epoch}")))

        self._screen.in_background(find_genotype, group="retrain", exclusive=True)

    async def action_export(self) -> None:
        """Ask for a folder, then write all files of the run into it."""
        if (record := self._record()) is None:
            return
        suggested = free_path(f"nastui-{short_id(record.id)}", "")
        folder = await self._screen.ask(AskLine("Export this run into which new folder?", str(suggested)))
        if not folder:
            return

        def export_run() -> None:
            written = export(self._store.find(record.id), Path(folder))
            self._screen.say(f"The run was exported to {written}")

        self._screen.in_background(export_run, group="export")

    async def action_labels(self) -> None:
        """Edit the name and the note of the run; the header shows them at the next tick."""
        if (record := self._record()) is not None:
            await edit_labels(self._screen, self._store, record)

    def action_compare(self) -> None:
        """Ask for another run, then compare both."""
        if (record := self._record()) is None:
            return

        def find_others() -> None:
            others = [other for other in self._store.records() if other.id != record.id]
            # The sort is stable: within each method the newest run comes first.
            others.sort(key=lambda other: other.head["method"] != record.head["method"])
            self._screen.deliver(self._ask_other, record.id, others[:_MOST_RUNS])

        self._screen.in_background(find_others, group="compare", exclusive=True)

    def _ask_other(self, run_id: str, others: list[Record]) -> None:
        if not others:
            self._screen.say("There is no other run to compare with.", "warning")
            return

        async def ask() -> None:
            entries = [(other.id, _description(other)) for other in others]
            if (chosen := await self._screen.ask(PickOne("Compare with which run?", entries))) is not None:
                self._screen.post_message(OpenComparison([run_id, chosen]))

        self._screen.run_worker(ask())


def _description(record: Record) -> str:
    best, head = record.summary.best_accuracy, record.head
    reached = "" if best is None else f", best {best:.2f} %"
    return clean(f"{record.labels.name} {head['method']} on {head['space']}, {record.status}{reached}".strip())
