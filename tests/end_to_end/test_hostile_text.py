"""Text that would act if it could: no escape sequence of it reaches the terminal, no markup ends the app."""

from __future__ import annotations

import json

from runs.events import Failed
from runs.journal import Journal
from tests.end_to_end.conftest import Cli
from tests.end_to_end.terminal import ENTER, ESCAPE, Terminal
from tests.synthetic import make_run

EVIL = "[/x]\x1b]0;taken\x07\x1b[31;7m\x9b2J[bold]長い e\u0301\u202e$"


def test_no_foreign_sequence_reaches_the_terminal(cli: Cli) -> None:
    config, paths = make_run(cli.home.root, epochs=4, done=3)
    with Journal(paths.events, 100) as journal:
        journal.append(Failed(error=EVIL, traceback=f"{EVIL}\n" + "y\x1b]52;c;eA==\x07" * 80_000))
    paths.log.write_text(EVIL * 4 + "\n" + "x\x1b[2J" * 250_000 + "\n", encoding="utf-8")
    # The store takes no control characters; a file that was edited by hand may have them.
    paths.labels.write_text(json.dumps({"name": EVIL, "tags": ["[/tag]", EVIL], "note": EVIL}))
    terminal = Terminal(cli)
    sent = bytearray()
    read = terminal.process.read_nonblocking

    def kept(*arguments: object, **more: object) -> bytes:
        part: bytes = read(*arguments, **more)
        sent.extend(part)
        return part

    terminal.process.read_nonblocking = kept
    try:
        terminal.shows("1 run", config.id[:8])
        terminal.press("?", ESCAPE, "t")
        terminal.shows("Tags")
        terminal.press(ESCAPE, ENTER)
        terminal.shows("[1]", "failed", "[/x]")
        for pane in ("5", "6", "6", "2", "4"):
            terminal.press(pane)
        terminal.shows("q back")
        terminal.press("q")
        terminal.shows("1 run")
        terminal.press("q")
        assert terminal.is_gone()
    finally:
        terminal.process.close(force=True)
    for foreign in (b"\x1b]0;", b"\x1b]52;", b"\x1b[31;7m", b"\x1b[2J", "\x9b".encode(), "\u202e".encode()):
        assert foreign not in sent, foreign
