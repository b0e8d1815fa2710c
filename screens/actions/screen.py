"""What every screen of the dashboard does alike: its keys, its clock, what it says, and work in the background."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal, ParamSpec

from textual import work
from textual.screen import Screen, ScreenResultType
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from screens import clipboard, settings
from screens.actions.table import changes
from screens.error_text import told
from screens.formatting import clean

Severity = Literal["information", "warning", "error"]
P = ParamSpec("P")

_LONG_SECONDS, _SHORT_SECONDS = 10.0, 5.0
# A tick comes a little early or late; none should be missed for that.
_EARLY_SECONDS = 0.1


def background(*, group: str, exclusive: bool = False) -> Callable[[Callable[P, None]], Callable[P, Worker[None]]]:
    """Decorate a method of an :class:`ActionScreen` that runs in a thread: its errors are said, the app lives."""

    def decorate(method: Callable[P, None]) -> Callable[P, Worker[None]]:
        return work(method, thread=True, exit_on_error=False, group=group, exclusive=exclusive)

    return decorate


class ActionScreen(Screen[ScreenResultType]):
    """A screen whose keys come from the table of actions.

    Attributes:
        PLACE: the screen's name in the table.
    """

    PLACE: ClassVar[str] = ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide what changes something where nothing may be changed; a subclass asks this first."""
        return not (settings.of(self.app).readonly and changes(self.PLACE, action))

    def on_mount(self) -> None:
        """Follow the theme and the glyphs, where the screen and not a widget has put them into what is shown."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.call_after_refresh(self.recolour))

    def recolour(self) -> None:
        """Show anew what the screen itself has given colours or glyphs."""

    def every_tick(self, act: Callable[[], None]) -> None:
        """Call something twice a second, or more seldom over a slow line."""
        last = float("-inf")

        def tick() -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= settings.of(self.app).tick - _EARLY_SECONDS:
                last = now
                act()

        self.set_interval(settings.TICK_SECONDS, tick)

    def say(self, sentence: str, severity: Severity = "information") -> None:
        """Show a sentence for a while."""
        seconds = _SHORT_SECONDS if severity == "information" else _LONG_SECONDS
        self.notify(clean(sentence), severity=severity, timeout=seconds, markup=False)

    def copy(self, text: str, what: str, path: Path | None = None) -> None:
        """Copy a text by the terminal, and say which file has it too.

        Args:
            text: what is copied.
            what: its name, ``the genotype of epoch 3``.
            path: the file that has it; without one it is written to ``copied.txt`` in the home.
        """
        self.say(*clipboard.copy(self.app, text, what, path))

    def pane(self) -> Widget | None:
        """Return what a picture of the chosen part shows; None where no part is chosen."""
        return self.focused

    def picture_name(self) -> str:
        """Return the name of a picture's file, without its ending."""
        return f"nastui-{self.PLACE}"

    def failed_in_background(self, work: str) -> None:
        """Take back what waits for work of this group, which has failed."""

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say what went wrong in the background."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.failed_in_background(event.worker.group)
            self.say(told(event.worker.error, event.worker.name, getattr(self.app, "trouble_log", None)), "error")
