"""Pictures of the screen, as SVG files in the current folder and as lines of text with their styles."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.text import Text
from textual.app import App
from textual.geometry import Region
from textual.strip import Strip

from runs.files import replace_text
from screens.clipboard import Severity
from screens.exports import free_path


def save_picture(app: App[Any], region: Region | None, name: str) -> tuple[str, Severity]:
    """Save what is shown as SVG in the current folder; return a message.

    Args:
        app: the running app.
        region: the part of the screen; None for the whole screen.
        name: the name of the file, without its suffix.
    """
    path = free_path(name, ".svg")
    try:
        replace_text(path, screen_svg(app, region))
    except OSError as error:
        hint = "Start nastui in a folder that you can write to."
        return f"No picture can be saved in '{path.parent}': {error.strerror}. {hint}", "error"
    return f"The picture was saved in {path}", "information"


def screen_strips(app: App[Any]) -> list[Strip]:
    """Return the rows of the current screen as they are drawn."""
    return app.screen._compositor.render_strips()  # Textual has no public name for them


def screen_svg(app: App[Any], region: Region | None) -> str:
    """Return the current screen, or a part of it, as SVG."""
    if region is None:
        return app.export_screenshot()
    strips = screen_strips(app)
    width, height = region.size
    console = Console(
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
        safe_box=False,
    )
    for strip in strips[region.y : region.bottom]:
        line = Text(no_wrap=True, end="")
        for segment in strip.crop(region.x, region.right):
            line.append(segment.text, segment.style)
        console.print(line)
    return console.export_svg(title=app.title)
