"""Editing the name and the note of a run on the screen; `nastui runs rename` and `note` store them in the same way."""

from __future__ import annotations

from collections.abc import Callable

from runs.errors import NastuiError
from runs.home import short_id
from runs.store.labels import Labels
from runs.store.record import Record
from runs.store.run_store import RunStore
from screens.actions.screen import ActionScreen
from screens.widgets.edit_labels import EditLabels


async def edit_labels(
    screen: ActionScreen[None], store: RunStore, record: Record, changed: Callable[[], object] = lambda: None
) -> None:
    """Ask for the name and the note of a run, and store what was changed; call it from a worker.

    Args:
        screen: asks, and shows what went wrong.
        store: where the run is stored.
        record: the run.
        changed: called from a thread once they are stored.
    """
    before = record.labels
    after = await screen.ask(EditLabels(f"Name and note of run {short_id(record.id)}", before))
    if after is None or (after.name, after.note) == (before.name, before.note):
        return

    def change(labels: Labels) -> None:
        # What was not touched stays: another process may have changed it meanwhile.
        labels.name = after.name if after.name != before.name else labels.name
        labels.note = after.note if after.note != before.note else labels.note

    def write() -> None:
        try:
            store.label(record, change)
        except NastuiError as error:
            screen.say(str(error), "error")
        changed()

    screen.in_background(write, group="store")
