"""Editing the tags, the name and the note of the chosen runs, and copying their ids."""

from __future__ import annotations

from collections.abc import Callable

from runs.formatting import count
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from screens.actions.screen import ActionScreen
from screens.actions.screen_actions import ScreenActions
from screens.formatting import run_names
from screens.label_editing import edit_labels
from screens.runs.run_list import RunList
from screens.runs.store_changes import StoreChanges
from screens.widgets.ask_line import AskLine


class LabelActions(ScreenActions):
    """What the chosen runs are called.

    Args:
        screen: asks for the labels.
        store: where the runs are stored.
        runs: the list.
        changes: stores the labels.
    """

    def __init__(self, screen: ActionScreen[None], store: RunStore, runs: RunList, changes: StoreChanges) -> None:
        self._screen, self._store, self._runs, self._changes = screen, store, runs, changes

    def has_effect(self, action: str) -> bool:
        """Return whether there is a run; name and note are those of one."""
        return len(self._runs.chosen) == 1 if action == "labels" else bool(self._runs.chosen)

    async def action_tags(self) -> None:
        """Edit the tags of one run, or add tags to several and remove them."""
        chosen = self._runs.chosen
        if len(chosen) == 1:
            question, text = "Tags, separated by spaces:", " ".join(chosen[0].labels.tags)
        else:
            question, text = f"Tags for {count(len(chosen), 'run')}: a word adds a tag, -word removes it.", ""
        answer = await self._screen.ask(AskLine(question, text))
        if answer is not None:
            change = retagged(answer, whole=len(chosen) == 1)
            self._changes.each(chosen, lambda record: self._store.label(record, change), "", run_names)

    async def action_labels(self) -> None:
        """Edit the name and the note of the chosen run."""
        if len(self._runs.chosen) == 1:
            await edit_labels(self._screen, self._store, self._runs.chosen[0], self._changes.changed)

    def action_copy_id(self) -> None:
        """Copy the whole ids of the chosen runs."""
        chosen = self._runs.chosen
        path = chosen[0].paths.root if len(chosen) == 1 else self._store.home.runs
        title = chosen[0].id if len(chosen) == 1 else count(len(chosen), "id")
        self._screen.copy(" ".join(record.id for record in chosen), title, path)


def retagged(answer: str, *, whole: bool) -> Callable[[Labels], None]:
    """Return the change that an answer asks for: the whole list of tags, or words to add and ``-words`` to remove."""
    words = answer.replace(",", " ").split()

    def change(labels: Labels) -> None:
        if whole:
            labels.tags = words
            return
        removed = {word[1:] for word in words if word.startswith("-")}
        labels.tags = [tag for tag in labels.tags if tag not in removed]
        labels.tags += [word for word in words if not word.startswith("-")]

    return change
