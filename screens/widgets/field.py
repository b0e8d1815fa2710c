"""One field of a form: its name, an editor, notes beside it, and problems below it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult, RenderResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style as VisualStyle
from textual.widget import Widget
from textual.widgets import Input

from screens import palette
from screens.actions.bindings import bindings
from screens.actions.closing import Punctual
from screens.formatting import fit
from screens.models.forms import FieldView
from screens.widgets.reversible import reversible
from screens.widgets.text_line import TextLine

LABEL, EDITOR, SHORT_EDITOR = 20, 15, 12
_TIGHT = 48


class Choice(Widget, can_focus=True):
    """One of a few values; the left and right keys go through them."""

    DEFAULT_CSS = """
    Choice { height: 1; &:focus { background: $accent 25%; } &:ansi:focus { text-style: reverse; } }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("new_run.choice")
    value = reactive("")

    @dataclass
    class Changed(Message):
        """Another value was selected."""

        value: str

    def __init__(self, value: str, choices: tuple[str, ...]) -> None:
        super().__init__()
        self.set_reactive(Choice.value, value)
        self.choices = choices

    def render(self) -> Text:
        """Return the value between arrows."""
        line = Text(fit(self.value, min(self.size.width - 4, max(len(choice) for choice in self.choices))))
        return Text("◂ ") + line + Text(" ▸")

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> VisualStyle:
        """Return the style of the value; with 16 colours it is reversed under the cursor."""
        style = super().get_visual_style(*component_classes, partial=partial)
        return reversible(self, style, *component_classes)

    def on_click(self) -> None:
        """Go to the next value."""
        self.action_step(1)

    def action_step(self, step: int) -> None:
        """Select the next value, or the previous one."""
        index = self.choices.index(self.value) if self.value in self.choices else -1
        self.value = self.choices[(index + step) % len(self.choices)]
        self.post_message(self.Changed(self.value))


class Fields(VerticalScroll, can_focus=False):
    """Fields that scroll. The one that has the focus stays in view when they get less room, as by a longer help."""

    def on_resize(self) -> None:
        """Scroll to the focused field."""
        focused = self.screen.focused
        if focused is not None and self in focused.ancestors:
            self.call_after_refresh(focused.scroll_visible, animate=False)


class NumberLine(TextLine):
    """A line for a number. As no number has a slash, that key begins a search, as it does outside of text."""

    @dataclass
    class SearchBegun(Message):
        """The key of the search was pressed."""

    async def on_key(self, event: events.Key) -> None:
        """Begin a search of the form."""
        if event.key == "slash":
            event.stop()
            event.prevent_default()
            self.post_message(self.SearchBegun())
        else:
            await super().on_key(event)


class Field(Punctual, Widget):
    """A field. It posts :class:`Edited` for each change by the user; :meth:`show` changes it without a message."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "field--label",
        "field--typed",
        "field--note",
        "field--problem",
        "field--warning",
    }
    DEFAULT_CSS = f"""
    Field {{
        height: 1;
        layout: horizontal;
        Input, Choice {{ width: {EDITOR}; margin-left: {LABEL}; }}
        Input {{ background: $foreground 6%; }}
        Input:focus {{ background: $accent 25%; }}
        Input.-invalid-value {{ text-style: underline; }}
        &.tight {{ Input, Choice {{ width: {SHORT_EDITOR}; }} }}
        &.wide {{ Input, Choice {{ width: 1fr; }} }}
        &:ansi Input {{ text-style: underline; }}
        .field--typed {{ color: $accent; text-style: bold; }}
        .field--note {{ text-style: dim; }}
        .field--problem {{ color: $error; text-style: bold; }}
        .field--warning {{ color: $warning; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("new_run.field")

    @dataclass
    class Edited(Message):
        """The user changed a field."""

        name: str
        text: str

    @dataclass
    class Entered(Message):
        """A field received the focus."""

        name: str

    def __init__(self, view: FieldView, *, wide: bool = False) -> None:
        super().__init__(id=f"field-{view.name}", classes="wide" if wide else None)
        self.view = view
        # The text that was posted or shown last: an editor also reports the text that it is mounted with.
        self._known = view.value

    def compose(self) -> ComposeResult:
        """Yield the editor."""
        if self.view.choices:
            yield Choice(self.view.value, self.view.choices)
        else:
            kind = NumberLine if self.view.numeric else TextLine
            line = kind(self.view.value, compact=True, select_on_focus=True)
            yield line.set_class(bool(self.view.problem), "-invalid-value")

    def show(self, view: FieldView) -> None:
        """Show the current state of a field. Text that is being typed is not changed."""
        self.view = view
        if view.choices:
            choice = self.query_one(Choice)
            choice.choices, choice.value = view.choices, view.value
        else:
            line = self.query_one(Input)
            if not line.has_focus and line.value != view.value:
                with self.prevent(Input.Changed):
                    line.value = self._known = view.value
            line.set_class(bool(view.problem), "-invalid-value")
        self.styles.height = 1 + len(self._lines_below())
        self.refresh()

    def render(self) -> RenderResult:
        """Return what is drawn around the editor and below it."""
        view = self.view
        label = Text(fit(view.name, LABEL - 1) + " ", style=self._style("typed" if view.typed else "label"))
        editor = SHORT_EDITOR if self.has_class("tight") else EDITOR
        room = max(0, self.size.width - LABEL - editor - 1)
        note_text = ""
        for text in view.notes:
            more = f"{note_text} · {text}" if note_text else text
            note_text = more if len(more) <= room or not note_text else note_text
        if palette.of(self.app).glyphs is palette.ASCII:
            note_text = note_text.replace("≠", "!=")
        note = Text("" if self.has_class("wide") else fit(note_text, room), style=self._style("note"))
        lines = [label + Text(" " * (editor + 1)) + note]
        below = self._style("problem" if view.problem else "warning")
        lines += [Text(line, style=below) for line in self._lines_below()]
        return Text("\n", no_wrap=True).join(lines)

    def on_resize(self) -> None:
        """Wrap the problem for the new width, and leave room for the notes."""
        self.set_class(self.size.width < _TIGHT, "tight")
        self.styles.height = 1 + len(self._lines_below())
        self.refresh()  # the note begins where the editor of the new width ends

    def on_descendant_focus(self) -> None:
        """Report that the field received the focus."""
        self.post_message(self.Entered(self.view.name))

    def on_descendant_blur(self) -> None:
        """Restore the preset's value if the line was left empty."""
        self.show(self.view)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pass on what was typed."""
        event.stop()
        if event.value != self._known:
            self._known = event.value
            self.post_message(self.Edited(self.view.name, event.value))

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Pass on the selected value."""
        event.stop()
        self.post_message(self.Edited(self.view.name, event.value))

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"field--{part}", partial=True)

    def _lines_below(self) -> list[str]:
        """Return the lines of the problem, or else of the warning."""
        text = f"✗ {self.view.problem}" if self.view.problem else f"▲ {self.view.warning}" if self.view.warning else ""
        room = max(10, self.size.width - 2)
        return textwrap.wrap(text, room, initial_indent="  ", subsequent_indent="    ")[:3]
