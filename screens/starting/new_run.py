"""The New run screen: a method, a preset, and every hyperparameter, explained and checked as it is typed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from runs import catalogue
from runs.cost.measurements import MeasurementTask
from runs.formatting import count
from runs.store.run_store import RunStore
from runs.supervision import new_run
from screens.actions.bindings import bindings
from screens.models.forms import FieldView
from screens.starting.run_form import RunForm
from screens.starting.slurm_profiles import SlurmProfiles
from screens.starting.starting_screen import ChecksEnded, Measure, Start, StartingScreen
from screens.widgets.confirm import Confirm
from screens.widgets.field import Field, Fields
from screens.widgets.filter_line import FilterLine
from screens.widgets.key_line import KeyLine
from screens.widgets.pick_list import PickList

_WIDE = ("dataset", "name", "vary", "start")
_NO_FIELD = "No field has all of these words. esc clears the filter."


class _FieldFilter(FilterLine):
    """The filter of the form."""

    def leave(self) -> None:
        """Keep the filter and go to the first field that matches; without a filter, go back to the methods."""
        if not self.typing:
            self.set_class(bool(self.value), "shown")
            return
        super().leave()
        found = [field for field in self.screen.query(Field) if field.display] if self.value else []
        if found:
            found[0].query("Input, Choice").first().focus()


class NewRunScreen(StartingScreen):
    """Methods and presets on the left, the form on the right, and below them its cost and its command.

    Args:
        store: where the run is created.
        preset: the initial preset.
        start: creates the run and starts its engine.
        measure: measures a configuration.
    """

    DEFAULT_CSS = """
    NewRunScreen {
        #top { height: 1; padding: 0 1; }
        #title { width: auto; color: $accent; text-style: bold; }
        #what { width: 1fr; text-align: right; text-style: dim; }
        #body { height: 1fr; }
        #lists { width: 26; padding: 0 1; }
        #form { width: 1fr; padding: 0 1; border-left: vkey $foreground 15%; scrollbar-size-vertical: 1; }
        #head, #settings { height: auto; }
        .heading { height: 1; text-style: dim italic; }
        #presets-heading, #form .heading.later { margin-top: 1; }
        #methods, #presets { max-height: 50%; }
        #help { height: auto; min-height: 2; max-height: 50%; padding: 0 1; margin-top: 1; text-style: dim; }
        #no-field { display: none; margin-top: 1; }
        FilterLine { padding: 0; }
        #outcome { height: auto; max-height: 2; padding: 0 1; }
        #outcome.wrong { color: $error; text-style: bold; }
        #command { height: auto; max-height: 2; padding: 0 1; }
        &.-wide #lists { width: 44; }
        &.-widest #lists { width: 96; }
        &.-narrow #lists { width: 12; }
        &.-narrow #help { min-height: 3; }
    }
    """
    SCOPE = "new_run"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal"), (110, "-wide"), (170, "-widest")]
    BINDINGS: ClassVar[list[BindingType]] = bindings("new_run")

    form: RunForm

    def __init__(
        self,
        store: RunStore,
        *,
        preset: str = "paper",
        start: Start = new_run.start,
        measure: Measure = MeasurementTask,
    ) -> None:
        super().__init__(
            store, RunForm(preset=preset, slurm=SlurmProfiles.of(store.home)), start=start, measure=measure
        )
        self.filter = _FieldFilter("words of a field's name or help", below="#methods")

    def compose(self) -> ComposeResult:
        """Yield the lists, the form, and the lines below."""
        with Horizontal(id="top"):
            yield Static("new run", id="title")
            yield Static(id="what")
        with Horizontal(id="body"):
            with Vertical(id="lists"):
                yield Static("method", classes="heading")
                yield PickList(id="methods")
                yield Static("preset", classes="heading", id="presets-heading")
                yield PickList(id="presets")
            with Fields(id="form"):
                yield self.filter
                yield Static(_NO_FIELD, id="no-field")
                with Vertical(id="head"):
                    yield from _fields(self.form.head())
                with Vertical(id="settings"):
                    yield from _fields(self.form.settings())
        yield Static(id="help")
        yield Static(id="outcome")
        yield Static(id="command")
        yield KeyLine()

    def on_mount(self) -> None:
        """Show the methods and presets of the catalogue."""
        methods = catalogue.methods()
        self.query_one("#methods", PickList).offer([(m.name, m.summary) for m in methods.values()], self.form.method)
        self._offer_presets()
        self.query_one("#presets" if len(methods) == 1 else "#methods").focus()
        self.changed()

    # Input

    async def on_pick_list_picked(self, event: PickList.Picked) -> None:
        """Refill the form for another method or preset, unless yet another was picked meanwhile."""
        if event.name != event.list.picked:
            return
        before = (self.form.method, self.form.space)
        if event.list.id == "methods":
            self.form.choose(method=event.name)
        else:
            self.form.choose(preset=event.name)
        await self._refill(before)
        self.explain()

    async def on_field_edited(self, event: Field.Edited) -> None:
        """Store what was typed, and show at once whether it is valid."""
        before = (self.form.method, self.form.space)
        self.form.write(event.name, event.text)
        if event.name == "space":
            await self._refill(before)
            return
        self.query_one(f"#field-{event.name}", Field).show(self.form.view(event.name))
        self.explain()
        self.changed()

    def on_descendant_focus(self) -> None:
        """Explain the list that received the focus."""
        if isinstance(self.focused, PickList):
            self.explain()

    def action_start(self) -> None:
        """Start the run; if the form has a fault, focus the faulty field."""
        if self._starting:
            return
        checked = self.form.check() if not self.form.typed else self._checked
        fault = next(iter({**checked.faults, **self._typed_wrong()}), None)
        if fault is not None:
            for field in self.query(Field):
                if field.view.name == fault:
                    self.filter.clear()
                    field.display = True
                    field.query("Input, Choice").first().focus()
            self.app.bell()
            return
        self.start()

    def on_number_line_search_begun(self) -> None:
        """Start typing a filter: a number has no slash."""
        self.action_filter()

    def action_filter(self) -> None:
        """Start typing a filter of the fields."""
        self.filter.ask()
        self.query_one("#form").scroll_home(animate=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply the filter while it is typed."""
        self._apply_filter()

    def _apply_filter(self) -> None:
        """Show only the fields that have every word of the filter in their name, section, help or choices."""
        words, heading, found = self.filter.value.lower().split(), None, False
        for widget in self.query("#head > *, #settings > *"):
            if isinstance(widget, Field):
                widget.display = all(word in widget.view.searched for word in words)
                found = found or widget.display
                if heading is not None and widget.display:
                    heading.display = True
            else:
                heading, widget.display = widget, False
        self.query_one("#no-field").display = not found

    @work
    async def action_leave(self) -> None:
        """Clear the filter; if there is none, go back to the runs, after asking if anything was typed."""
        if self.filter.clear():
            return
        if not self.form.typed or await self.ask(
            Confirm("Leave without starting?", f"You typed {count(len(self.form.typed), 'value')}.")
        ):
            self.dismiss(None)

    def on_checks_ended(self, event: ChecksEnded) -> None:
        """Show the faults of the run's own fields below them; the base class does the rest."""
        if event.change == self._changes:
            for view in self.form.head():
                problem = event.checked.faults.get(view.name, "")
                self.query_one(f"#field-{view.name}", Field).show(dataclasses.replace(view, problem=problem))

    # Output

    def _offer_presets(self) -> None:
        entries = [(preset.name, preset.summary) for preset in self.form.presets]
        self.query_one("#presets", PickList).offer(entries, self.form.preset)

    async def _refill(self, before: tuple[str, str]) -> None:
        """Update every field; for another method or space, make new ones.

        Everything else that this screen receives waits meanwhile, so nothing sees a form half filled. It must not be
        cancelled: Textual would cancel the widgets that are being removed too, and the app, which waits for them.
        """
        for view in self.form.head():
            self.query_one(f"#field-{view.name}", Field).show(view)
        views = self.form.settings()
        if before != (self.form.method, self.form.space):
            self._offer_presets()
            settings = self.query_one("#settings")
            async with self.batch():
                await settings.remove_children()
                await settings.mount_all(_fields(views))
                self._apply_filter()
        else:
            for view in views:
                self.query_one(f"#field-{view.name}", Field).show(view)
        self.changed()

    def changed(self) -> None:
        """Check the form again, and show the selected method and space."""
        method, space = catalogue.method(self.form.method), catalogue.space(self.form.space)
        self.show("#what", f"{method.title} on {space.title}")
        super().changed()
        self.update_lines()

    def problems(self) -> dict[str, str]:
        """Return the faults of the last check, and those of the current text."""
        return {**self._checked.faults, **self._typed_wrong()}

    def cost(self) -> str:
        """Return the cost of the method as the catalogue describes it."""
        return catalogue.method(self.form.method).cost

    def explanation(self) -> str:
        """Return the help of the focused field, method or preset."""
        if self.entered:
            return self.form.view(self.entered).help
        if self.focused is not None and self.focused.id == "methods":
            method = catalogue.method(self.form.method)
            return f"{method.summary} {method.reference}."
        return next(entry.summary for entry in self.form.presets if entry.name == self.form.preset)

    def _typed_wrong(self) -> dict[str, str]:
        return {view.name: view.problem for view in self.form.settings() if view.problem}


def _fields(views: list[FieldView]) -> Iterator[Static | Field]:
    section = ""
    for view in views:
        if view.section != section:
            section = view.section
            yield Static(section, classes="heading" if section == "run" else "heading later")
        yield Field(view, wide=view.name in _WIDE)
