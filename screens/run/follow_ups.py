"""Follow-ups of a run: retraining its cell, exporting its files, comparing it with another run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from runs.home import short_id
from runs.store.export import export
from runs.store.find_genotype import find
from runs.store.record import Record
from runs.store.run_store import RunStore
from screens.actions.screen import ActionScreen
from screens.destinations import OpenComparison, OpenRetrain
from screens.exports import free_path
from screens.formatting import clean
from screens.widgets.ask_line import AskLine
from screens.widgets.pick_one import PickOne

_MOST_RUNS = 200


class FollowUps:
    """Starts follow-ups of a run. Slow work is done in a thread.

    Args:
        screen: asks the questions and shows the outcome.
        store: where the run is stored.
    """

    def __init__(self, screen: ActionScreen[None], store: RunStore) -> None:
        self._screen, self._store = screen, store

    def retrain(self, run_id: str, epoch: int) -> None:
        """Open the form that retrains the cell of an epoch."""

        def find_genotype() -> None:
            found = find(run_id, self._store, epoch=epoch)
            self._screen.post_message(OpenRetrain(dataclasses.replace(found, name=f"{run_id}, epoch {epoch}")))

        self._screen.in_background(find_genotype, group="retrain", exclusive=True)

    async def export(self, run_id: str) -> None:
        """Ask for a folder, then write all files of the run into it; call it from a worker."""
        suggested = free_path(f"nastui-{short_id(run_id)}", "")
        folder = await self._screen.ask(AskLine("Export this run into which new folder?", str(suggested)))
        if not folder:
            return

        def export_run() -> None:
            written = export(self._store.find(run_id), Path(folder))
            self._screen.say(f"The run was exported to {written}")

        self._screen.in_background(export_run, group="export")

    def compare(self, record: Record) -> None:
        """Ask for another run, then compare both."""

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
