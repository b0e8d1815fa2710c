"""What each numbered pane of the Run screen shows, and what stands on the rule above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.style import Style
from rich.text import Text

from runs import catalogue
from runs.catalogue import Space
from runs.errors import UsageError
from runs.log.history import History
from runs.machine.meters import Machine
from runs.store.run_store import Record
from screens.formatting import brief, clean, count
from screens.models.log import LogLine, LogLook
from screens.models.panes import RUN_PANES
from screens.models.selection import Look
from screens.palette import Palette
from screens.views import curves, log_filter, machine
from screens.views.cells import cell_view
from screens.views.epochs import selected_epoch
from screens.views.figures import epoch_figures
from screens.views.panels import panel
from screens.views.weights import weights_matrix
from screens.widgets import plot, wiring

_DIM = Style(dim=True)


@dataclass(frozen=True)
class Shown:
    """A pane's view model, its title and the note at the end of its rule."""

    view: Any
    title: str
    note: Text


@dataclass(frozen=True)
class Looked:
    """Everything that panes are made from.

    Attributes:
        record, history, log: the run.
        look, log_look: what a person looks at.
        machine: the newest look at it; None before the first.
    """

    record: Record | None
    history: History
    log: Sequence[LogLine]
    look: Look
    log_look: LogLook
    machine: Machine | None

    @property
    def space(self) -> Space | None:
        """The search space of the run, where this version knows it."""
        try:
            return catalogue.space(str(self.record.head["space"])) if self.record is not None else None
        except UsageError:
            return None


def shown(number: int, looked: Looked, colours: Palette, rows: int) -> Shown:
    """Return what a pane of so many rows shows."""
    history, look, title, note = looked.history, looked.look, RUN_PANES[number], Text(style=_DIM)
    chosen = selected_epoch(history, look)
    kind = f" · {brief(chosen.kind)}" if len(chosen.kinds) > 1 else ""
    if number in (2, 4, 5) and look.epoch is not None and chosen.event is not None:
        note.append(f"epoch {chosen.event.epoch}")
    match number:
        case 1:
            drawn = curves.curves(history, look)
            return Shown(drawn, f"{drawn.title} {drawn.unit}".strip(), plot.legend(drawn, colours))
        case 2:
            return Shown(epoch_figures(history, look), title, note)
        case 3:
            cell = cell_view(history, look)
            if cell.cell is not None and cell.caption and wiring.rows(cell.cell) >= rows > 0:
                note.append(cell.caption[0].partition(" · ")[0])
            return Shown(cell, title + kind, note)
        case 4:
            return Shown(weights_matrix(history, look), title + kind, note)
        case 5:
            return Shown(panel(history, look, looked.space), title + kind, note)
        case 6:
            return _log(looked, note)
    device = str(looked.record.head["device"]) if looked.record is not None else ""
    facts = machine.facts(looked.machine, device, colours.glyphs) if looked.machine is not None else ()
    return Shown(facts, title, note)


def _log(looked: Looked, note: Text) -> Shown:
    view = log_filter.view(looked.log, looked.log_look)
    said = []
    if looked.log_look.wanted:
        found = count(len(view.hits), "line")
        said.append(f"{found} with '{clean(looked.log_look.wanted)[:20]}'")
    if looked.log_look.level != "everything":
        said.append(looked.log_look.level)
    elif warned := len(looked.history.warnings):
        said.append(count(warned, "warning"))
    return Shown(view, RUN_PANES[6], note.append(" · ".join(said)))
