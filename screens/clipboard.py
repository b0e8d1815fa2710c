"""Copying text to the terminal's clipboard. A file that contains the same text is always named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from textual.app import App

from runs.files import replace_text

Severity = Literal["information", "warning", "error"]

# Terminals and tmux silently drop longer texts.
_MOST_COPIED = 50_000


def copy(app: App[Any], text: str, title: str, path: Path | None) -> tuple[str, Severity]:
    """Copy a text by OSC 52, which terminals do not confirm; return a message that names a file with the text.

    Args:
        app: the running app.
        text: the text.
        title: what it is, for the message.
        path: the file; without one the text is written to ``copied.txt`` beside the app's log.
    """
    where = ""
    if path is not None:
        where = f"It is also in {path}"
    elif (log := getattr(app, "error_log", None)) is not None:
        file = Path(log).with_name("copied.txt")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_text(file, text if text.endswith("\n") else text + "\n")
            where = f"It is also in {file}"
        except OSError as error:
            where = f"It could not be written to '{file}': {error.strerror}."
    if len(text.encode()) > _MOST_COPIED:
        return f"{title} is too long for a terminal's clipboard. {where}", "warning"
    app.copy_to_clipboard(text)
    return f"Copied {title}. {where}".rstrip(), "information"
