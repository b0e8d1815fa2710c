"""Changing several runs of the store, one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from runs.errors import NastuiError
from screens.actions.screen import ActionScreen
from screens.error_text import error_text

Item = TypeVar("Item")


class StoreChanges:
    """Makes changes in threads.

    Args:
        screen: shows the outcome.
        changed: called from a thread after each change.
    """

    def __init__(self, screen: ActionScreen[None], changed: Callable[[], object]) -> None:
        self._screen, self.changed = screen, changed

    def each(
        self,
        items: Sequence[Item],
        change: Callable[[Item], object],
        done: str,
        names: Callable[[Sequence[Item]], str],
    ) -> None:
        """Change one thing after another; report what was done and what failed.

        Args:
            items: what to change.
            change: changes one of them.
            done: how the report begins; empty for none.
            names: returns the names of things for a sentence.
        """

        def change_all() -> None:
            changed = []
            for item in items:
                try:
                    change(item)
                    changed.append(item)
                except NastuiError as error:
                    self._screen.say(str(error), "error")
                except OSError as error:
                    self._screen.say(f"{names([item])}: {error_text(error, '', None)}", "error")
            if changed and done:
                self._screen.say(f"{done} {names(changed)}.")
            self.changed()

        self._screen.in_background(change_all, group="store")
