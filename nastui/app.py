"""The application: what all screens share, and how it starts."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import ClassVar

from rich.console import RenderableType
from textual import on
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.filter import LineFilter
from textual.screen import Screen
from textual.worker import WorkerFailed

from nastui import desktop, terminal, themes
from nastui import settings as configuration
from nastui.characters import Characters
from runs.errors import NastuiError, closest
from runs.formatting import count
from runs.home import Home
from runs.notify.telling import Sweeper
from runs.store.run_store import RunStore
from screens import palette
from screens.actions.bindings import bindings
from screens.actions.keymap import keys_of, remapped
from screens.actions.screen import ActionScreen
from screens.actions.table import registry
from screens.destinations import Destination, OpenRun
from screens.error_text import write_traceback
from screens.formatting import clean
from screens.navigation import Navigation
from screens.pictures import save_picture
from screens.settings import Settings
from screens.widgets.action_palette import ActionPalette
from screens.widgets.keys_help import KeysHelp, active, key_sections

_COMPLAINT_SECONDS = 20.0
_MOST_REASON = 200


class NastuiApp(App[int]):
    """The dashboard.

    Args:
        home: where runs are stored.
        run_id: a run to open at once, above the Runs screen.
        settings: the settings of the configuration file and the command line.
        complaints: what is wrong with them; shown once the app is running.

    Attributes:
        settings: the current settings; keys change some of them.
        error_log: the file for the tracebacks of unexpected errors.
    """

    TITLE = "nastui"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")

    def __init__(
        self,
        home: Home,
        run_id: str | None = None,
        *,
        settings: Settings | None = None,
        complaints: Sequence[str] = (),
    ) -> None:
        no_color = "NO_COLOR" in os.environ
        # Set here and not only by the theme, so that Textual drops colours instead of turning them grey.
        super().__init__(ansi_color=True if no_color else None)
        self.settings = settings or Settings()
        self.store = RunStore(home)
        self._navigation = Navigation(self, self.store)
        self.error_log = home.root / "nastui.log"
        self._run_id = run_id
        self._undimmed = themes.Undimmed()
        self._characters: Characters | None = None
        self._broken_by: BaseException | None = None
        self._config = home.configuration
        keymap, wrong = remapped(self.settings.keys)
        self.set_keymap(keymap)
        self._complaints = [*complaints, *(f"'{self._config}', [keys]: {problem}" for problem in wrong)]
        for own in themes.OWN:
            self.register_theme(own)
        self._choose_theme(plain=no_color or terminal.plain_colours(os.environ))
        if self.settings.slow_line:
            self.animation_level = "none"

    def _choose_theme(self, *, plain: bool) -> None:
        requested = self.settings.theme
        if requested and requested not in self.available_themes:
            near = closest(requested, self.available_themes)
            self._complaints.append(f"'{self._config}': there is no theme '{requested}'. {near}")
        elif requested:
            self.theme = requested
            return
        if "TEXTUAL_THEME" not in os.environ:
            # Escape sequences for 16 colours are half as long as those for 16 million.
            self.theme = "ansi-dark" if plain or self.settings.slow_line else themes.DARK.name

    def get_default_screen(self) -> Screen[None]:
        """Return the Runs screen, which lies below all others."""
        return self._navigation.home

    @on(Destination)
    def _open(self, destination: Destination) -> None:
        if destination.origin is self.screen:
            self._navigation.open(destination)

    def on_mount(self) -> None:
        """Show what is wrong with the configuration, and open the requested run."""
        self._apply_glyphs()
        for complaint in self._complaints:
            self.notify(clean(complaint), severity="warning", timeout=_COMPLAINT_SECONDS, markup=False)
        if self._run_id is not None:
            self._navigation.open(OpenRun(self._run_id))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield the commands of the palette: the enabled actions of the screen, and the choice of a theme."""
        for node, binding, enabled, _ in active(screen):
            action = registry()[binding.id or ""]
            if enabled and action.id != "everywhere.palette":
                keys = " ".join(keys_of(action, self._keymap))
                run = partial(self.run_action, action.call, node)
                yield SystemCommand(action.does.capitalize(), f"key {keys}", run)
        yield SystemCommand("Choose a theme", "all themes of Textual", self.action_change_theme)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return Textual's filters, one for the glyphs, and for the contrast theme one that removes dimming."""
        filters = [*super().get_line_filters()]
        if self._characters is not None:
            filters.append(self._characters)
        return [self._undimmed, *filters] if self.theme == themes.CONTRAST.name else filters

    # Keys of every screen

    def action_command_palette(self) -> None:
        """Find an action by its name."""
        if not isinstance(self.screen, ActionPalette):
            self.push_screen(ActionPalette(id="--command-palette"))

    def action_keys_help(self) -> None:
        """Show the keys of the current screen."""
        if not self.screen.is_modal:
            self.push_screen(KeysHelp(key_sections(self.screen)))

    def action_next_theme(self) -> None:
        """Switch to the next theme."""
        index = themes.CYCLE.index(self.theme) if self.theme in themes.CYCLE else -1
        self.theme = themes.CYCLE[(index + 1) % len(themes.CYCLE)]
        self._announce(f"Theme {self.theme}.", f'theme = "{self.theme}"')

    def action_next_glyphs(self) -> None:
        """Switch to the next set of characters."""
        names = configuration.GLYPHS
        name = names[(names.index(palette.of(self).glyphs.name) + 1) % len(names)]
        self._change_settings(dataclasses.replace(self.settings, glyphs=name))
        self._announce(f"Characters: {name}.", f'glyphs = "{name}"')

    def action_slow_line(self) -> None:
        """Redraw less often, or as often as usual."""
        slow = not self.settings.slow_line
        self._change_settings(dataclasses.replace(self.settings, slow_line=slow))
        self.animation_level = "none" if slow else "full"
        every = f"{self.settings.tick:g} s"
        message = f"Fast connection: redrawn every {every}."
        if slow:
            message = f"Slow connection: redrawn every {every}, without animation."
        self._announce(message, f"slow_line = {str(slow).lower()}")

    def action_picture(self, pane: bool = False) -> None:
        """Save the screen, or its selected pane, as SVG."""
        screen = self.screen
        name, region = "nastui", None
        if isinstance(screen, ActionScreen):
            name, chosen = screen.picture_name(), screen.pane() if pane else None
            region = chosen.region if chosen is not None else None
        sentence, severity = save_picture(self, region, name)
        self.notify(clean(sentence), severity=severity, markup=False)

    def _apply_glyphs(self) -> None:
        shown = palette.of(self)
        self._characters = Characters(shown) if shown.glyphs is not palette.BRAILLE else None
        self.set_class(shown.glyphs is palette.ASCII, "ascii")

    def _change_settings(self, settings: Settings) -> None:
        self.settings = settings
        self._apply_glyphs()
        self.theme_changed_signal.publish(self.current_theme)
        for screen in self.screen_stack:
            for widget in screen.walk_children():
                widget.refresh()

    def _announce(self, message: str, line: str) -> None:
        keep = f"To keep it, write {line} into {self._config}"
        self.notify(clean(f"{message} {keep}"), markup=False)

    # Quitting

    async def action_quit(self) -> None:
        """Quit; engines keep running, and the last line says so."""
        live = self._navigation.home.live_runs
        keeps = "keeps" if live == 1 else "keep"
        self.exit(0, message=f"{count(live, 'run')} {keeps} running." if live else None)

    def leave(self, code: int) -> None:
        """Quit with an exit code; can be called from any thread and from a signal handler."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.exit, None, code)

    def write_through(self, text: str) -> None:
        """Send a text to the terminal as it is; can be called from any thread."""
        if self._loop is not None and self._driver is not None:
            with contextlib.suppress(RuntimeError):  # the app has just ended
                self._loop.call_soon_threadsafe(self._driver.write, text)

    # Ends that nobody asked for

    @property
    def unexpected_end(self) -> str:
        """Why the app ended, in a sentence, if neither the user nor a signal asked for it; else empty."""
        if self._exit:
            return ""
        error = self._broken_by
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}" if error is not None else "cause unknown"
        return f"The dashboard ended because of an error in it ({reason[:_MOST_REASON]}). Runs continue."

    def broke(self, error: BaseException) -> None:
        """Write the traceback of an error to the log, and keep the first one that ends the app."""
        error = error.error if isinstance(error, WorkerFailed) else error
        write_traceback(error, self.error_log)
        self._broken_by = self._broken_by or error

    def _handle_exception(self, error: Exception) -> None:
        if self._exit or (self._is_mounted and not self._running):
            write_traceback(error, self.error_log)  # a late key, say, while the screens close: the app ends anyway
            return
        self.broke(error)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()  # without Textual's report, which is longer than most terminals

    def panic(self, *renderables: RenderableType) -> None:
        """End the app after an error that was handled or written already."""
        self._close_messages_no_wait()

    async def _process_messages_loop(self) -> None:
        """Process messages until the app ends.

        If something that a message waits for is cancelled, Textual takes it for the end of the app. Only a
        cancellation of the app's own task is one.
        """
        while True:
            try:
                return await super()._process_messages_loop()
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    if not self._exit:
                        self.broke(error)
                    raise
                write_traceback(error, self.error_log)

    def get_driver_class(self) -> type[Driver]:
        """Return Textual's driver for this platform; on Linux, one that survives input that is not text."""
        return terminal.tolerant(super().get_driver_class())


def run_dashboard(
    home: Home, run_id: str | None = None, settings: Settings | None = None, complaints: Sequence[str] = ()
) -> int:
    """Show the dashboard until the user quits; return the exit code.

    Raises:
        UsageError: there is no terminal to show it on.
        NastuiError: it ended because of an error in it; the traceback is in ``nastui.log``.
    """
    served = "web_driver" in os.environ.get("TEXTUAL_DRIVER", "")  # `nastui serve`: the terminal is a browser
    if served:
        # The server's own terminal says nothing about the browser.
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        settings = settings or Settings()
        settings = dataclasses.replace(settings, glyphs=settings.glyphs or palette.BRAILLE.name)
    else:
        terminal.check(os.environ)
    app = NastuiApp(home, run_id, settings=settings, complaints=complaints)
    tell = desktop.teller(home, app.settings.desktop, app.write_through)
    sweeper = Sweeper(home, tell, sends=not app.settings.readonly)
    sweeper.start()
    try:
        with contextlib.nullcontext() if served else terminal.leaving_with_the_terminal(app.leave):
            app.run()
    except Exception as error:
        app.broke(error)
    finally:
        sweeper.stop()
    if app.unexpected_end:
        raise NastuiError(app.unexpected_end, f"The details are in {app.error_log}.")
    return app.return_code or 0
