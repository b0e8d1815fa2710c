"""Taking things along: texts by the terminal's clipboard, pictures of the screen as SVG. A file is always named."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.text import Text
from textual.app import App
from textual.geometry import Region

from screens.saving import free_path

Severity = Literal["information", "warning", "error"]

# Terminals and tmux drop longer ones without a word.
_MOST_COPIED = 50_000


def copy(app: App[Any], text: str, what: str, path: Path | None) -> tuple[str, Severity]:
    """Copy by OSC 52, which no terminal confirms; return what to say, which names a file that has the text.

    Args:
        app: the running app.
        text: what is copied.
        what: its name in the sentence.
        path: the file; without one the text is written to ``copied.txt`` beside the app's log.
    """
    where = ""
    if path is not None:
        where = f"It lies in {path}"
    elif (log := getattr(app, "trouble_log", None)) is not None:
        kept = Path(log).with_name("copied.txt")
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
            where = f"It lies in {kept}"
        except OSError as error:
            where = f"It could not be written to '{kept}' as well: {error.strerror}."
    if len(text.encode()) > _MOST_COPIED:
        return f"{what} is too long for a terminal's clipboard. {where}", "warning"
    app.copy_to_clipboard(text)
    return f"Copied {what}. {where}".rstrip(), "information"


def picture(app: App[Any], region: Region | None, name: str) -> tuple[str, Severity]:
    """Save what is shown as SVG in the current folder; return what to say.

    Args:
        app: the running app.
        region: the part of the screen; None for all of it.
        name: of the file, without its ending.
    """
    path = free_path(name, ".svg")
    try:
        path.write_text(svg(app, region), encoding="utf-8")
    except OSError as error:
        return (
            f"No picture can be saved in '{path.parent}': {error.strerror}. Start nastui in a folder of yours.",
            "error",
        )
    return f"The picture is saved in {path}", "information"


def svg(app: App[Any], region: Region | None) -> str:
    """Return the screen in front, or a part of it, as SVG."""
    if region is None:
        return app.export_screenshot()
    strips = app.screen._compositor.render_strips()
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
