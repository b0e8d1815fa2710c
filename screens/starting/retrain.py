"""The Retrain screen: a recipe, a data set, and the command that starts the same run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from runs import catalogue
from runs.cost.measurements import MeasurementTask
from runs.home import short_id
from runs.store.find_genotype import Found
from runs.store.run_store import RunStore
from runs.supervision import new_run
from screens.actions.bindings import bindings
from screens.formatting import clean
from screens.starting.retrain_form import RetrainForm
from screens.starting.slurm_profiles import SlurmProfiles
from screens.starting.starting_screen import ChecksEnded, Measure, Start, StartingScreen
from screens.widgets.field import Field, Fields
from screens.widgets.key_line import KeyLine

_WIDE = ("preset", "dataset", "name", "start")


class RetrainScreen(StartingScreen):
    """A short form above the command that starts the same run.

    Args:
        store: where the run is created.
        found: the genotype to train.
        start: creates the run and starts its engine.
        measure: measures a configuration.
    """

    DEFAULT_CSS = """
    RetrainScreen {
        #top { height: 1; padding: 0 1; color: $accent; text-style: bold; }
        #fields { height: auto; max-height: 60%; padding: 1; scrollbar-size-vertical: 1; }
        #help { height: auto; min-height: 2; max-height: 50%; padding: 0 1; text-style: dim; }
        #outcome { height: auto; max-height: 3; padding: 0 1; &.wrong { color: $error; text-style: bold; } }
        #command { height: auto; max-height: 4; padding: 0 1; }
    }
    """
    AUTO_FOCUS = "Choice"
    SCOPE = "retrain"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCOPE)

    form: RetrainForm

    def __init__(
        self, store: RunStore, found: Found, *, start: Start = new_run.start, measure: Measure = MeasurementTask
    ) -> None:
        super().__init__(store, RetrainForm(found, slurm=SlurmProfiles.of(store.home)), start=start, measure=measure)

    def compose(self) -> ComposeResult:
        """Yield the fields and the lines below."""
        found = self.form.found
        run, comma, epoch = found.name.partition(", ")
        name = run if found.published else f"{short_id(run)}{comma}{epoch}"
        title = clean(f"retrain {name or 'a genotype'} · {found.genotype.space}")
        yield Static(Text(title), id="top")
        with Fields(id="fields"):
            yield from (Field(view, wide=view.name in _WIDE) for view in self.form.views())
        yield Static(id="help")
        yield Static(id="outcome")
        yield Static(id="command")
        yield KeyLine()

    def on_mount(self) -> None:
        """Check the form."""
        self.changed()

    def on_field_edited(self, event: Field.Edited) -> None:
        """Store what was typed, and show at once whether it is valid."""
        self.form.write(event.name, event.text)
        self._show_fields({**self._checked.faults, event.name: ""})
        self.explain()
        self.changed()

    def on_checks_ended(self, event: ChecksEnded) -> None:
        """Show also the faults of the fields, and the recipe for an image folder, which only the check has read."""
        super().on_checks_ended(event)
        self._show_fields(self._checked.faults)

    def _show_fields(self, faults: Mapping[str, str]) -> None:
        for view in self.form.views():
            shown = dataclasses.replace(view, problem=faults.get(view.name, ""))
            self.query_one(f"#field-{view.name}", Field).show(shown)

    def action_start(self) -> None:
        """Start the run, unless the form has a fault."""
        if self._starting or self._checked.faults or not self._checked.command:
            self.app.bell()
            return
        self.start()

    def action_leave(self) -> None:
        """Go back without starting."""
        self.dismiss()

    def cost(self) -> str:
        """Return the cost of retraining as the catalogue describes it."""
        return catalogue.method("retrain").cost

    def explanation(self) -> str:
        """Return the help of the focused field."""
        return next((view.help for view in self.form.views() if view.name == self.entered), "")
