"""The base of every screen: its keys, its clock, its notifications, work in the background, and how it closes."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar, ParamSpec, TypeVar

from textual import on, work
from textual.await_complete import AwaitComplete
from textual.screen import Screen, ScreenResultType
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from screens import clipboard, settings
from screens.actions.closing import Punctual, Question, when_theme_changes
from screens.actions.keymap import keys_of, remapped
from screens.actions.screen_actions import ScreenActions
from screens.actions.table import changes, registry
from screens.clipboard import Severity
from screens.destinations import Destination
from screens.error_text import error_text
from screens.formatting import clean

Answer = TypeVar("Answer")
P = ParamSpec("P")

_LONG_SECONDS, _SHORT_SECONDS = 10.0, 5.0
# The timer may fire slightly early; that tick must still count.
_EARLY_SECONDS = 0.1


def background(*, group: str, exclusive: bool = False) -> Callable[[Callable[P, None]], Callable[P, Worker[None]]]:
    """Decorate a method of an :class:`ActionScreen` to run in a thread; its errors are shown and the app continues."""

    def decorate(method: Callable[P, None]) -> Callable[P, Worker[None]]:
        # Without a description, Textual would make a text of all arguments at each call, even of ten thousand runs.
        name = method.__name__
        return work(method, thread=True, exit_on_error=False, group=group, exclusive=exclusive, description=name)

    return decorate


class ActionScreen(Punctual, Screen[ScreenResultType]):
    """A screen whose keys come from the table of actions. Its actions are its own methods, or those of parts.

    Attributes:
        SCOPE: the screen's name in the table.
    """

    SCOPE: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self._parts: dict[str, ScreenActions] = {}

    def add_actions(self, *parts: ScreenActions) -> None:
        """Make the actions of other objects actions of this screen: Textual looks for ``action_…`` methods here."""
        for part in parts:
            for name in filter(lambda name: name.startswith("action_"), dir(type(part))):
                assert not hasattr(self, name), f"{name} has two definitions"
                method = getattr(part, name)
                setattr(self, name, self._in_worker(method) if inspect.iscoroutinefunction(method) else method)
                self._parts[name.removeprefix("action_")] = part

    def _in_worker(self, method: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, Worker[None]]:
        @wraps(method)
        def start(*arguments: P.args, **named: P.kwargs) -> Worker[None]:
            return self.run_worker(method(*arguments, **named), name=method.__name__)

        return start

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide actions that change something if the app is read-only, and disable those without an effect.

        Subclasses call this first.
        """
        if settings.of(self.app).readonly and changes(self.SCOPE, action):
            return False
        part = self._parts.get(action)
        return part is None or part.has_effect(action) or None

    def on_mount(self) -> None:
        """Redraw what the screen itself has coloured when the theme or the glyphs change."""
        when_theme_changes(self, self.recolour)

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close this screen; does nothing if it is not the current screen, as after a second press of the key."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()

    @on(Destination)
    def _mark_origin(self, destination: Destination) -> None:
        """Name the screen that asks, so that it can be seen whether it is still current."""
        destination.origin = self

    def recolour(self) -> None:
        """Redraw what the screen itself has coloured."""

    def key_of(self, action: str) -> str:
        """Return the label of the first key of an action, given by its id, after remapping."""
        keymap, _ = remapped(settings.of(self.app).keys)
        return keys_of(registry()[action], keymap)[0]

    @property
    def is_hidden(self) -> bool:
        """Whether another screen covers this one; a modal question does not count."""
        return self.app.screen is not self and not self.app.screen.is_modal

    @property
    def is_current(self) -> bool:
        """Whether Textual has to draw this screen: not behind another one, which hides it.

        Textual would draw the screen in front anew, as a whole, whenever this one has changed or is idle.
        """
        return super().is_current and not self.is_hidden

    def every_tick(self, update: Callable[[], None]) -> None:
        """Call a function twice a second, or less often over a slow line."""
        last = float("-inf")

        def tick() -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= settings.of(self.app).tick - _EARLY_SECONDS:
                last = now
                update()

        self.set_interval(settings.TICK_SECONDS, tick)

    def in_background(self, function: Callable[[], None], *, group: str, exclusive: bool = False) -> None:
        """Run a function in a thread; its errors are shown as :func:`background` shows those of a method."""
        name = getattr(function, "__name__", group)
        self.run_worker(function, name=name, group=group, exclusive=exclusive, thread=True, exit_on_error=False)

    def deliver(self, function: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> None:
        """Call a function in the app's thread, from another one, and wait for it; skip it if this screen has closed."""

        def call() -> None:
            if self.is_attached and not self._pruning:
                function(*arguments, **named)

        self.app.call_from_thread(call)

    async def ask(self, question: Question[Answer]) -> Answer | None:
        """Show a question in front of this screen and return its answer; call it from a worker.

        It returns None without asking if another screen has come in front meanwhile, as after a second press of a key.
        """
        if self.app.screen is not self:
            return None
        return await self.app.push_screen_wait(question)

    def say(self, message: str, severity: Severity = "information") -> None:
        """Show a notification; may be called from any thread."""
        seconds = _SHORT_SECONDS if severity == "information" else _LONG_SECONDS
        self.notify(clean(message), severity=severity, timeout=seconds, markup=False)

    def copy(self, text: str, title: str, path: Path | None = None) -> None:
        """Copy a text to the terminal's clipboard, and say which file also contains it.

        Args:
            text: the text.
            title: what it is, such as ``the genotype of epoch 3``.
            path: the file that contains it; without one it is written to ``copied.txt`` in the home.
        """
        self.say(*clipboard.copy(self.app, text, title, path))

    def pane(self) -> Widget | None:
        """Return the widget that a picture of the selected pane shows; None if no pane is selected."""
        return self.focused

    def picture_name(self) -> str:
        """Return the file name for a picture, without its suffix."""
        return f"nastui-{self.SCOPE}"

    def failed_in_background(self, group: str) -> None:
        """Reset the state that waits for a group of background work that has failed."""

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show the errors of background work."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.failed_in_background(event.worker.group)
            log = getattr(self.app, "error_log", None)
            self.say(error_text(event.worker.error, event.worker.name, log), "error")
