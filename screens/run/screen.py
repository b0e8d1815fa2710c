"""The Run screen: one run, live or past, with every pane at the same epoch."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal

from runs.errors import NastuiError
from runs.home import short_id
from runs.log.events import Entry, Progress
from runs.log.history import History
from runs.machine.meters import Machine, Meter
from runs.store.lock import owner_pid
from runs.store.run_store import Record, RunStore
from runs.store.status import Status
from screens import palette
from screens.actions.bindings import bindings
from screens.actions.screen import background
from screens.formatting import clean
from screens.models.log import LogLook
from screens.models.panes import RUN_PANES
from screens.models.run import HeaderView
from screens.models.selection import Look
from screens.run import layout as run_layout
from screens.run import panes as run_panes
from screens.run.layout import LOWER, UPPER, Choice
from screens.run.panes import Looked
from screens.run.reader import Source
from screens.run.view_controls import RunLooking
from screens.views.alarms import alarms
from screens.views.cells import cell_view
from screens.views.epochs import genotype_text, selected_epoch
from screens.views.header import header_view
from screens.widgets import wiring
from screens.widgets.chart import Chart
from screens.widgets.header import Header
from screens.widgets.heatmap import Heatmap
from screens.widgets.key_line import KeyLine
from screens.widgets.lines import Lines
from screens.widgets.log import Log
from screens.widgets.now import Now
from screens.widgets.pane import Pane, RuleView, Tab
from screens.widgets.panel import MethodPanel
from screens.widgets.scrubber import Scrubber, Track
from screens.widgets.wiring import Wiring

# More than this is read in a thread, so that keys answer meanwhile.
_BACKLOG_BYTES = 200_000
_MACHINE_SECONDS = 2.0


class RunScreen(RunLooking):
    """Shows a run and asks things of its engine. Leaving it leaves the run alone.

    Args:
        store: where the run lies.
        run_id: its id, or a unique prefix.
    """

    PLACE = "run"
    CSS_PATH = "run.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")

    def __init__(self, store: RunStore, run_id: str) -> None:
        super().__init__()
        self._store, self._run_id = store, run_id
        self._source: Source | None = None
        self._reading = False
        self._look, self._choice = Look(), Choice()
        self._log_look = LogLook()
        self._machine: Machine | None = None
        self._meter, self._looked_at = Meter(), 0.0
        self._state, self._head_more = "", 0
        self._layout = run_layout.arrange(80, 24, self._choice, 8)
        self._panes = {
            1: Pane(1, RUN_PANES[1], Chart()),
            2: Pane(2, RUN_PANES[2], Now()),
            3: Pane(3, RUN_PANES[3], Wiring()),
            4: Pane(4, RUN_PANES[4], Heatmap()),
            5: Pane(5, RUN_PANES[5], MethodPanel()),
            6: Pane(6, RUN_PANES[6], Log()),
            7: Pane(7, RUN_PANES[7], Now("nothing measured yet: the first look takes a moment")),
        }
        self._header, self._scrubber = Header(), Scrubber()

    def compose(self) -> ComposeResult:
        """Yield the head, the panes, the slider and the keys."""
        yield self._header
        with Horizontal(id="upper"):
            yield from (self._panes[number] for number in UPPER)
        with Container(id="lower"):
            yield from (self._panes[number] for number in LOWER)
        yield self._scrubber
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the run, then look at it twice a second."""
        self._header.show(
            HeaderView("reading the log", short_id(clean(self._run_id)), Status.QUEUED, "", "", 0.0, (), "")
        )
        self._open()
        self.every_tick(self._tick)

    def on_resize(self) -> None:
        """Lay the panes out for the new size."""
        self._arrange()

    def recolour(self) -> None:
        """Give the legends the colours of the new theme."""
        self._show()

    # Reading

    @property
    def record(self) -> Record | None:
        """The run, once it has been read."""
        return self._source.record if self._source else None

    @property
    def history(self) -> History:
        """What is known of the run."""
        return self._source.history if self._source else History()

    @background(group="reading")
    def _open(self) -> None:
        try:
            source = Source(self._store.home, self._run_id)
        except (NastuiError, OSError) as error:
            self.app.call_from_thread(self._fail_to_open, str(error))
            return
        self.app.call_from_thread(self._begin, source)

    def _begin(self, source: Source) -> None:
        self._source = source
        self._arrange()
        self.refresh_bindings()

    def _fail_to_open(self, trouble: str) -> None:
        said = f"{clean(trouble)} q goes back"
        self._header.show(HeaderView(clean(self._run_id), "", None, "", "", 0.0, (), said))

    def _tick(self) -> None:
        """Take in what is new, and draw what it changes."""
        if self._source is None or self._reading:
            return
        if self.app.screen is not self and not self.app.screen.is_modal:
            return
        if 7 in self._layout.visible and time.monotonic() - self._looked_at > _MACHINE_SECONDS:
            self._looked_at = time.monotonic()
            self._look_at_machine(self._source)
        if self._source.backlog() > _BACKLOG_BYTES:
            self._reading = True
            self._catch_up(self._source)
        else:
            self._update(self._source)

    @background(group="reading")
    def _catch_up(self, source: Source) -> None:
        before = source.record.status, source.trouble
        entries = source.update()
        self.app.call_from_thread(self._take, source, before, entries)

    @background(group="machine", exclusive=True)
    def _look_at_machine(self, source: Source) -> None:
        pid = owner_pid(source.record.paths.lock) if source.record.status.live else None
        self.app.call_from_thread(self._take_machine, self._meter.look(pid))

    def _take_machine(self, machine: Machine) -> None:
        self._machine = machine
        self._show_pane(7)

    def _update(self, source: Source) -> None:
        before = source.record.status, source.trouble
        self._take(source, before, source.update())

    def _take(self, source: Source, before: tuple[Status, str], entries: list[Entry]) -> None:
        self._reading = False
        self.tell_of(entries)
        turned = before != (source.record.status, source.trouble)
        if turned:
            self.refresh_bindings()
        if self._state == "playing":
            self._play()
        elif turned or any(not isinstance(entry.event, Progress) for entry in entries):
            self._show()
        else:
            self._show_head()
            if entries:
                self._show_pane(2)

    # Showing

    def _arrange(self) -> None:
        """Put the panes where the size and the choice want them."""
        view = cell_view(self.history, self._look)
        wanted = (wiring.rows(view.cell) if view.cell else 7) + 2
        width, height = self.size
        layout = self._layout = run_layout.arrange(width, height - self._head_more, self._choice, wanted)
        for number, pane in self._panes.items():
            pane.display = number in layout.visible
            pane.set_class(len(layout.visible) == 1, "alone")
        upper, lower = self.query_one("#upper"), self.query_one("#lower")
        upper.display, lower.display = bool(layout.visible & {*UPPER}), bool(layout.visible & {*LOWER})
        upper.styles.height = "1fr" if layout.top is None else layout.top
        lower.styles.grid_rows = f"{layout.middle} 1fr"
        self.set_class(layout.wide, "wide")
        self.call_after_refresh(self._show)  # what fits is known once it is laid out

    def _show(self) -> None:
        """Bring everything that is visible up to date; what did not change is not drawn."""
        self._show_head()
        for number in sorted(self._layout.visible):
            self._show_pane(number)
        epochs = self.history.epochs
        self._scrubber.show(Track(epochs[-1].epoch if epochs else 0, self._look.epoch, self._live, self._state))

    def _show_head(self) -> None:
        if self._source is not None:
            source = self._source
            told = (*source.notes, *alarms(source.history, self._look))
            self._header.show(header_view(source.record, source.history, time.time(), source.trouble, told))
            if self._header.more != self._head_more:
                self._head_more = self._header.more
                self._arrange()

    def _show_pane(self, number: int) -> None:
        if number not in self._layout.visible:
            return
        pane = self._panes[number]
        content: Any = pane.content
        log = self._source.log if self._source is not None and number == 6 else ()
        looked = Looked(self.record, self.history, log, self._look, self._log_look, self._machine)
        shown = run_panes.shown(number, looked, palette.of(self.app), content.size.height)
        content.show(shown.view)
        tabs = (
            Tab(
                other,
                shown.title if other == number else RUN_PANES[other],
                other == number,
                other == number == self._choice.pane,
            )
            for other in self._layout.tabs[number]
        )
        pane.rule.show(RuleView(tuple(tabs), shown.note))

    # Moving through the epochs

    def action_epoch(self, by: int) -> None:
        """Move the chosen epoch of every pane."""
        epochs = self.history.epochs
        index = selected_epoch(self.history, self._look).index + by
        if epochs:
            self._choose_epoch(None if index >= len(epochs) else epochs[max(0, index)].epoch)

    def action_first(self) -> None:
        """Go to the first epoch."""
        self._choose_epoch(self.history.epochs[0].epoch if self.history.epochs else None)

    def action_newest(self) -> None:
        """Go to the newest epoch, and stay with it."""
        self._choose_epoch(None)

    def on_scrubber_moved(self, event: Scrubber.Moved) -> None:
        """Go where the slider was clicked."""
        self._choose_epoch(event.epoch)

    def action_hold(self) -> None:
        """Hold a live view still and let it go again; play a past one."""
        epochs = self.history.epochs
        if not epochs:
            return
        if self._state == "held":
            self._choose_epoch(None)
        elif self._state == "playing":
            self._choose_epoch(self._look.epoch)
        elif self._look.epoch is None and self._live:
            self._choose_epoch(epochs[-1].epoch, "held")
        else:
            self._choose_epoch(self._look.epoch or epochs[0].epoch, "playing")

    def _play(self) -> None:
        index = selected_epoch(self.history, self._look).index + 1
        over = index >= len(self.history.epochs)
        self._choose_epoch(None if over else self.history.epochs[index].epoch, "" if over else "playing")

    def _choose_epoch(self, epoch: int | None, state: str = "") -> None:
        self._look, self._state = dataclasses.replace(self._look, epoch=epoch), state
        self._show()

    def action_mark(self) -> None:
        """Compare cells with the chosen epoch, or with the last change again."""
        chosen = selected_epoch(self.history, self._look).event
        if chosen is None:
            return
        mark = None if self._look.mark is not None and self._look.mark == chosen.epoch else chosen.epoch
        self._look = dataclasses.replace(self._look, mark=mark)
        told = "the one before their last change" if mark is None else f"epoch {mark}"
        self.say(f"Cells are compared with {told}.")
        self._show()

    def action_kind(self, by: int) -> None:
        """Show the next kind of cell; in pane 1 the next group of curves; in the log the next line that was found."""
        if self._choice.pane == 6 and self._log_look.wanted:
            self._log_look = dataclasses.replace(self._log_look, hit=self._log_look.hit + by)
        elif self._choice.pane == 1:
            self._look = dataclasses.replace(self._look, curves=self._look.curves + by)
        else:
            chosen = selected_epoch(self.history, self._look)
            if not chosen.kinds:
                return
            place = (chosen.kinds.index(chosen.kind) + by) % len(chosen.kinds)
            self._look = dataclasses.replace(self._look, cell=chosen.kinds[place])
        self._show()

    def looked_epoch(self) -> int | None:
        """Return the epoch that is looked at, if it has a genotype."""
        event = selected_epoch(self.history, self._look).event
        return event.epoch if event is not None and event.genotype is not None else None

    @property
    def _live(self) -> bool:
        return self.record is not None and self.record.status.live

    # Panes

    def action_pane(self, number: int) -> None:
        """Choose a pane; chosen again, it takes the whole screen."""
        self._choose(self._choice.press(number))

    def action_zoom(self) -> None:
        """Give the chosen pane the whole screen, or take it back."""
        self._choose(self._choice.press(self._choice.pane))

    def action_unzoom(self) -> None:
        """Show all panes."""
        self._choose(dataclasses.replace(self._choice, zoomed=False))

    def action_next_pane(self, by: int) -> None:
        """Choose the next pane."""
        self._choose(self._choice.press((self._choice.pane - 1 + by) % len(RUN_PANES) + 1))

    def action_scroll(self, by: int) -> None:
        """Scroll the chosen pane."""
        content = self._panes[self._choice.pane].content
        if isinstance(content, Lines):
            content.scroll_relative(y=by, animate=False)

    def _choose(self, choice: Choice) -> None:
        self._choice = choice
        self._arrange()

    # Taking things along, and leaving

    def action_copy(self) -> None:
        """Copy the genotype of the chosen epoch, and name the file that has it."""
        chosen = selected_epoch(self.history, self._look)
        record = self.record
        if record is None or chosen.event is None or chosen.event.genotype is None:
            self.say("There is no genotype to copy yet.", "warning")
            return
        last = chosen.index == len(self.history.epochs) - 1
        path = record.paths.genotype if last and record.paths.genotype.exists() else record.paths.events
        self.copy(genotype_text(chosen.event), f"the genotype of epoch {chosen.event.epoch}", path)

    def picture_name(self) -> str:
        """Return the name of a picture's file: the run and the epoch."""
        chosen = selected_epoch(self.history, self._look).event
        return f"nastui-{short_id(self._run_id)}-epoch-{chosen.epoch if chosen else 0}"

    def pane(self) -> Pane:
        """Return the chosen pane."""
        return self._panes[self._choice.pane]

    def failed_in_background(self, work: str) -> None:
        """Read on at the next tick."""
        self._reading = False

    def action_back(self) -> None:
        """Show all panes, then look at no edge; then leave."""
        if self._choice.zoomed:
            self.action_unzoom()
        elif self._look.edge is not None:
            self.action_no_edge()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Go back to Runs; the run goes on."""
        if self._live and self.record is not None:
            self.say(f"Run {short_id(self.record.id)} goes on.")
        self.app.pop_screen()
