"""The content and the rule of each numbered pane of the Run screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.style import Style
from rich.text import Text

from runs import catalogue
from runs.catalogue import Space
from runs.errors import UsageError
from runs.formatting import count
from runs.log.history import History
from runs.machine.meters import Machine
from runs.store.record import Record
from screens.formatting import brief, clean
from screens.models.log import LogLine
from screens.models.panes import RUN_PANES
from screens.models.selection import LogSelection, RunSelection
from screens.palette import Palette
from screens.views.cells import cell_view
from screens.views.curves import curves
from screens.views.epochs import selected_epoch
from screens.views.figures import epoch_figures
from screens.views.log_filter import filtered_log
from screens.views.machine import machine_facts
from screens.views.panels import method_panel
from screens.views.weights import weights_matrix
from screens.widgets import plot, wiring

_DIM = Style(dim=True)


@dataclass(frozen=True)
class PaneContent:
    """A pane's view model, its title, and the note at the end of its rule."""

    view: Any
    title: str
    note: Text


@dataclass(frozen=True)
class PaneInputs:
    """Everything that the panes are made from.

    Attributes:
        record, history, log: the run.
        selection, log_selection: what is selected.
        machine: its newest measurement; None before the first.
    """

    record: Record | None
    history: History
    log: Sequence[LogLine]
    selection: RunSelection
    log_selection: LogSelection
    machine: Machine | None

    @property
    def space(self) -> Space | None:
        """The search space of the run; None if this version does not know it."""
        try:
            return catalogue.space(str(self.record.head["space"])) if self.record is not None else None
        except UsageError:
            return None


def pane_content(number: int, inputs: PaneInputs, colours: Palette, rows: int) -> PaneContent:
    """Return the content of a pane that is ``rows`` rows high."""
    history, selection, title, note = inputs.history, inputs.selection, RUN_PANES[number], Text(style=_DIM)
    selected = selected_epoch(history, selection)
    kind = f" · {brief(selected.kind)}" if len(selected.kinds) > 1 else ""
    if number in (2, 4, 5) and selection.epoch is not None and selected.event is not None:
        note.append(f"epoch {selected.event.epoch}")
    match number:
        case 1:
            drawn = curves(history, selection)
            return PaneContent(drawn, f"{drawn.title} {drawn.unit}".strip(), plot.legend(drawn, colours))
        case 2:
            return PaneContent(epoch_figures(history, selection), title, note)
        case 3:
            cell = cell_view(history, selection)
            if cell.cell is not None and cell.caption and wiring.rows(cell.cell) >= rows > 0:
                note.append(cell.caption[0].partition(" · ")[0])
            return PaneContent(cell, title + kind, note)
        case 4:
            return PaneContent(weights_matrix(history, selection), title + kind, note)
        case 5:
            return PaneContent(method_panel(history, selection, inputs.space), title + kind, note)
        case 6:
            return _log_content(inputs, note)
    device = str(inputs.record.head["device"]) if inputs.record is not None else ""
    facts = machine_facts(inputs.machine, device) if inputs.machine is not None else ()
    return PaneContent(facts, title, note)


def _log_content(inputs: PaneInputs, note: Text) -> PaneContent:
    selection = inputs.log_selection
    view = filtered_log(inputs.log, selection)
    parts = []
    if selection.text:
        parts.append(f"{count(len(view.hits), 'line')} with '{clean(selection.text)[:20]}'")
    if selection.level != "everything":
        parts.append(selection.level)
    elif warnings := len(inputs.history.warnings):
        parts.append(count(warnings, "warning"))
    return PaneContent(view, RUN_PANES[6], note.append(" · ".join(parts)))
