"""The commands of the Runs screen that change the store: tagging, trashing, and starting the demonstration."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runs.configuration import Draft
from runs.errors import NastuiError
from runs.formatting import count
from runs.home import short_id
from runs.store.labels import Labels
from runs.store.run_store import Record, RunStore
from screens.actions.screen import ActionScreen
from screens.destinations import OpenRun
from screens.error_text import error_text
from screens.formatting import run_names
from screens.widgets.ask_line import AskLine
from screens.widgets.confirm import Confirm

DEMONSTRATION = Draft(method="drnas", preset="quick", name="demonstration")
"""A search that needs only what is installed."""
DEMONSTRATION_GROUP = "demonstrate"


class StoreCommands:
    """Changes the runs of a store for a screen. Each command works in a thread and shows its outcome.

    Args:
        screen: asks the questions and shows the notifications.
        store: where the runs are stored.
        changed: called from a thread after runs have changed.
    """

    def __init__(self, screen: ActionScreen[None], store: RunStore, changed: Callable[[], object]) -> None:
        self._screen, self._store, self._changed = screen, store, changed
        self._removed: list[list[Record]] = []
        self._starting = False

    @property
    def can_undo(self) -> bool:
        """Whether runs were moved to the trash and not restored."""
        return bool(self._removed)

    def demonstrate(self) -> None:
        """Start the demonstration and open it."""
        if self._starting:
            return
        self._starting = True
        self._screen.say("Starting the demonstration …")

        def start() -> None:
            from runs.supervision import launcher

            try:
                config, _ = launcher.start(self._store, DEMONSTRATION)
                self._screen.post_message(OpenRun(config.id))
            except NastuiError as error:
                self._screen.say(str(error), "error")
            finally:
                self._starting = False

        self._screen.in_background(start, group=DEMONSTRATION_GROUP)

    async def tag(self, records: Sequence[Record]) -> None:
        """Edit the tags of one run, or add tags to several and remove them; call it from a worker."""
        if len(records) == 1:
            question, text = "Tags, separated by spaces:", " ".join(records[0].labels.tags)
        else:
            question, text = f"Tags for {count(len(records), 'run')}: a word adds a tag, -word removes it.", ""
        answer = await self._screen.ask(AskLine(question, text))
        if answer is not None:
            change = retagged(answer, whole=len(records) == 1)
            self._each(records, lambda record: self._store.label(record, change), "")

    async def trash(self, records: Sequence[Record]) -> bool:
        """Move runs to the trash, after asking; return whether it was done. Call it from a worker."""
        if not await self._screen.ask(Confirm(f"Move {run_names(records)} to the trash?", "u restores it.")):
            return False
        removed: list[Record] = []
        self._removed.append(removed)

        def remove(record: Record) -> None:
            self._store.remove(record)
            removed.append(record)

        self._each(records, remove, "Moved to the trash, u restores:")
        return True

    def undo(self) -> None:
        """Restore what was last moved to the trash."""
        if self._removed:
            self._each(self._removed.pop(), lambda record: self._store.restore(record.id), "Restored:")

    def _each(self, records: Sequence[Record], change: Callable[[Record], object], done: str) -> None:
        """Change runs one after another; report what was done and what failed."""

        def change_all() -> None:
            changed = []
            for record in records:
                try:
                    change(record)
                    changed.append(record)
                except NastuiError as error:
                    self._screen.say(str(error), "error")
                except OSError as error:
                    self._screen.say(f"Run '{short_id(record.id)}': {error_text(error, '', None)}", "error")
            if changed and done:
                self._screen.say(f"{done} {run_names(changed)}.")
            self._changed()

        self._screen.in_background(change_all, group="store")


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
