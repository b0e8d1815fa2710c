"""Reverse video, which Textual supports in style sheets but not in the styles of content."""

from __future__ import annotations

from textual.style import Style
from textual.widget import Widget


def reversible(widget: Widget, style: Style, *component_classes: str) -> Style:
    """Return the style of a widget's content, reversed if the style sheet reverses the widget or a component."""
    parts = [widget.styles, *map(widget.get_component_styles, component_classes)]
    return style + Style(reverse=True) if any(part.text_style.reverse for part in parts) else style
