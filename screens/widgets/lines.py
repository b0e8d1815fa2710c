"""Styled lines that scroll, the base of every pane of text. Only lines that have changed are drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from rich.segment import Segment
from rich.text import Text
from textual.events import Resize
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.actions.closing import Punctual, when_theme_changes

View = TypeVar("View")


class Lines(Punctual, ScrollView, Generic[View], can_focus=False):
    """Shows a view model as lines; subclasses implement :meth:`build`.

    Attributes:
        follows: if the end is visible, it stays visible while lines are added.
    """

    DEFAULT_CSS = """
    Lines { background: transparent; scrollbar-size: 1 1; scrollbar-size-horizontal: 0; scrollbar-gutter: stable; }
    """

    follows = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: View | None = None
        self._lines: list[Text] = []
        self._width = 0
        self._at_end = True

    def show(self, view: View) -> None:
        """Show a view model; nothing is drawn if it has not changed."""
        if view != self._view:
            self._view = view
            self._rebuild()

    def build(self, view: View, width: int) -> Sequence[Text]:
        """Return the lines of a view model, for a width in characters."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """All lines, including those scrolled out of view."""
        return "\n".join(line.plain for line in self._lines)

    def on_mount(self) -> None:
        """Redraw when the theme changes."""
        when_theme_changes(self, self._rebuild)

    def on_resize(self, event: Resize) -> None:
        """Build the lines again if the width has changed."""
        if event.size.width != self._width:
            self._rebuild()
        if self.follows and self._at_end:
            self.scroll_end(animate=False)  # a pane that shrinks would lose its end; one that grows keeps it

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Remember whether the end is visible."""
        super().watch_scroll_y(old_value, new_value)
        self._at_end = new_value >= self.max_scroll_y

    def render_line(self, y: int) -> Strip:
        """Return one line of the visible part."""
        left, top = self.scroll_offset
        width = self.scrollable_content_region.width
        style = self.rich_style
        if not 0 <= top + y < len(self._lines):
            return Strip.blank(width, style)
        line = self._lines[top + y]
        # Rich leaves the style of the whole line to its caller.
        base = self.app.console.get_style(line.style)
        segments = Segment.apply_style((part for part in line.render(self.app.console) if part.text), base)
        return Strip(segments, line.cell_len).crop_extend(left, left + width, style).apply_style(style)

    def _rebuild(self) -> None:
        width = self.scrollable_content_region.width
        if self._view is None or not width:
            return
        old, self._width = self._lines, width
        self._lines = list(self.build(self._view, width))
        size = Size(max((line.cell_len for line in self._lines), default=0), len(self._lines))
        if size != self.virtual_size:
            self.virtual_size = size
            if self.follows and self._at_end:
                self.scroll_end(animate=False)
        if self.scroll_offset.y or self.scroll_offset.x or len(old) != len(self._lines):
            self.refresh()
            return
        for y, (before, now) in enumerate(zip(old, self._lines, strict=True)):
            if before != now or before.style != now.style:  # comparing texts ignores the style of the whole line
                self.refresh_lines(y)
