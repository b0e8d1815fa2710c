"""Reverse video, which Textual's style sheets know and its styles of widgets' content forget."""

from __future__ import annotations

from textual.style import Style
from textual.widget import Widget


def reversible(widget: Widget, style: Style, *component_classes: str) -> Style:
    """Return a widget's style of its content, reversed where the style sheet reverses the widget or a component."""
    parts = [widget.styles, *map(widget.get_component_styles, component_classes)]
    return style + Style(reverse=True) if any(part.text_style.reverse for part in parts) else style
