"""The application: what all screens share, and how it is started."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme

from nastui import terminal
from runs.home import Home
from runs.store import RunStore
from screens import palette
from screens.runs import RunsScreen
from screens.widgets.keys_help import KeysHelp, key_groups
from screens.wording import count

THEME = Theme(
    name="nastui",
    primary="#56B4E9",
    secondary="#56B4E9",
    accent="#56B4E9",
    foreground="#D6D9DE",
    background="#12151A",
    surface="#171B21",
    panel="#1D222A",
    warning="#E69F00",
    error="#E06C4F",
    success="#009E73",
    variables={"scrollbar": "#2C333D", "scrollbar-background": "#12151A"},
)


class NastuiApp(App[int]):
    """The dashboard.

    Args:
        home: where runs lie.
        run_id: a run to open at once; Runs lies under it.
    """

    TITLE = "nastui"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "keys_help", "keys", key_display="?"),
        Binding("ctrl+q", "quit", "quit", show=False, priority=True),
    ]

    def __init__(self, home: Home, run_id: str | None = None) -> None:
        no_color = "NO_COLOR" in os.environ
        # Asked for here, and not only by the theme, so that Textual drops colours instead of turning them grey.
        super().__init__(ansi_color=True if no_color else None)
        self.store = RunStore(home)
        self._run_id = run_id
        self.register_theme(THEME)
        if "TEXTUAL_THEME" not in os.environ:
            self.theme = "ansi-dark" if no_color or terminal.plain_colours(os.environ) else THEME.name

    def get_default_screen(self) -> Screen[None]:
        """Return the Runs screen: what lies under all others."""
        return RunsScreen(self.store)

    def on_mount(self) -> None:
        """Open the run that was asked for."""
        self.set_class(palette.of(self).glyphs is palette.ASCII, "ascii")
        if self._run_id is not None:
            from screens.run import RunScreen  # noqa: PLC0415 - charts are slow to import, and Runs has none

            self.push_screen(RunScreen(self.store, self._run_id))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield the palette's commands, with our overlay of keys in place of Textual's panel."""
        for command in super().get_system_commands(screen):
            if command.title != "Keys":
                yield command
        yield SystemCommand("Keys", "Show the keys of this screen", self.action_keys_help)

    def action_keys_help(self) -> None:
        """Show the keys of the screen in front."""
        if not self.screen.is_modal:
            self.push_screen(KeysHelp(key_groups(self.screen)))

    async def action_quit(self) -> None:
        """Leave; engines go on, and the last line says so."""
        runs = self.screen_stack[0]
        going = runs.going if isinstance(runs, RunsScreen) else 0
        self.exit(0, message=f"{count(going, 'run')} go{'es' if going == 1 else ''} on." if going else None)

    def leave(self, code: int) -> None:
        """Leave with an exit code; may be called from any thread, and from a signal handler."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.exit, None, code)


def run_dashboard(home: Home, run_id: str | None = None) -> int:
    """Show the dashboard until the person leaves; return the exit code.

    Raises:
        UsageError: there is no terminal that it could be shown on.
    """
    terminal.check(os.environ)
    app = NastuiApp(home, run_id)
    with terminal.leaving_with_the_terminal(app.leave):
        app.run()
    return app.return_code or 0
