"""Taking things along: texts by the terminal's clipboard, pictures of the screen as SVG. A file is always named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from textual.app import App

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
    elif (log := getattr(app, "error_log", None)) is not None:
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
