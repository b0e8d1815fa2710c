"""Where one goes from a run: its cell is retrained, its files are exported, it is compared with another."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from runs.home import short_id
from runs.store.export import export
from runs.store.find_genotype import Found, find
from runs.store.run_store import RunStore
from screens.actions.screen import background
from screens.exports import free_path
from screens.formatting import clean
from screens.run.engine_controls import RunRequests
from screens.widgets.ask_line import AskLine
from screens.widgets.pick_one import PickOne

_MOST_RUNS = 200


class RunOnward(RunRequests):
    """The keys that lead on from a run. What takes time is done in a thread of its own."""

    _store: RunStore

    def looked_epoch(self) -> int | None:
        """Return the epoch that is looked at; None where there is none yet."""
        raise NotImplementedError

    # Retrain

    def action_retrain(self) -> None:
        """Ask how, then train the cell of the chosen epoch from fresh weights."""
        epoch = self.looked_epoch()
        if self.record is None or epoch is None:
            self.say("There is no genotype to retrain yet.", "warning")
            return
        self._find_genotype(self.record.id, epoch)

    @background(group="retrain", exclusive=True)
    def _find_genotype(self, run: str, epoch: int) -> None:
        found = find(run, self._store, epoch=epoch)
        named = dataclasses.replace(found, name=f"{run}, epoch {epoch}")
        self.app.call_from_thread(self._open_retrain, named)

    def _open_retrain(self, found: Found) -> None:
        from screens.starting.retrain import RetrainScreen

        self.app.push_screen(RetrainScreen(self._store, found))

    # Export

    def action_export(self) -> None:
        """Ask for a folder, then write everything of the run into it."""
        if self.record is None:
            return
        run = self.record.id
        suggested = free_path(f"nastui-{short_id(run)}", "")

        def answered(folder: str | None) -> None:
            if folder:
                self._export(run, Path(folder))

        self.app.push_screen(AskLine("Export this run into which new folder?", str(suggested)), answered)

    @background(group="export")
    def _export(self, run: str, folder: Path) -> None:
        written = export(self._store.find(run), folder)
        self.app.call_from_thread(self.say, f"The run is exported to {written}")

    # Compare

    def action_compare(self) -> None:
        """Ask with which other run, then compare both."""
        if self.record is not None:
            self._find_others(self.record.id)

    @background(group="compare", exclusive=True)
    def _find_others(self, run: str) -> None:
        records = [record for record in self._store.records() if record.id != run]
        mine = self.record.head["method"] if self.record is not None else ""
        records.sort(key=lambda record: record.head["method"] != mine)  # stable: the newest of each first
        others = []
        for record in records[:_MOST_RUNS]:
            best = record.summary.best_accuracy
            reached = "" if best is None else f", best {best:.2f} %"
            told = f"{record.labels.name} {record.head['method']} on {record.head['space']}, {record.status}{reached}"
            others.append((record.id, clean(told.strip())))
        self.app.call_from_thread(self._ask_other, run, others)

    def _ask_other(self, run: str, others: list[tuple[str, str]]) -> None:
        if not others:
            self.say("There is no other run to compare with.", "warning")
            return

        def answered(other: str | None) -> None:
            if other is not None:
                from screens.compare.screen import CompareScreen

                self.app.push_screen(CompareScreen(self._store, [run, other]))

        self.app.push_screen(PickOne("Compare with which run?", others), answered)
