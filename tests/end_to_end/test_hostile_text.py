"""Hostile text: none of its escape sequences reaches the terminal or a pipe, and its markup does not end the app."""

from __future__ import annotations

import json

from tests.end_to_end.conftest import Cli
from tests.end_to_end.terminal import ENTER, ESCAPE, Terminal
from tests.hostile import EVIL, SEQUENCES, acts, hostile_store

# Terminals remove escape sequences from pasted text; bells, one-byte sequences and direction marks remain.
PASTED = EVIL.replace("\x1b", "")
LONG = 1_000_000


def test_no_foreign_sequence_reaches_the_terminal(cli: Cli) -> None:
    failed, _, found = hostile_store(cli.home)
    paths = cli.home.run(failed)
    with paths.events.open("a") as log:
        event = {"v": 1, "t": 1.8e9, "n": 99, "type": "failed", "error": EVIL, "traceback": f"{EVIL}\n" + "y" * LONG}
        log.write(json.dumps(event) + "\n")
    terminal = Terminal(cli)
    try:
        terminal.shows("3 runs", failed[:8])
        terminal.press("?")
        terminal.shows("on this screen")
        terminal.press(ESCAPE)
        terminal.until(lambda shown: "on this screen" not in shown)
        terminal.press("t")
        terminal.shows("Tags")
        terminal.press(ESCAPE)
        terminal.until(lambda shown: "Tags" not in shown)
        for key, words in (
            ("G", ("▸ ✗ failed",)),
            (ENTER, ("[1]", "stage 1/2", "failed", "[/x]")),
            ("5", ("panel · taken",)),
            ("6", ("[@click=app.quit]",)),
            ("6", ("curves", "[@click=app.quit]")),
            ("2", ("lr taken",)),
            ("4", ("[derived]", "q back")),
            ("q", ("3 runs",)),
            ("g", ("▸ ✓ finished",)),
            (" ", ("1 marked",)),
            (" ", ("2 marked",)),
            (" ", ("3 marked",)),
            ("c", ("compare", "taken [/x]", "[5] published")),
            ("2", ("method",)),
            ("4", ("highest first",)),
            ("5", ("No results of papers",)),
            ("q", ("3 marked",)),
            ("L", ("DARTS, first order",)),
            ("G", (found[:8], "taken [/x]", "found by a run")),
            ("q", ("3 marked",)),
            ("n", ("new run", "dataset")),
            ("\t\t\t", ("60,000 colour images",)),  # what is said about the data set while its field has the focus
            (f"\x1b[200~{PASTED}\x1b[201~", ("✗ dataset:",)),
            ("\x1b[H", ("dataset             taken [/x] [bold]$]0;taken",)),  # to the beginning of the line
            (ESCAPE, ("Leave without starting?",)),
            ("y", ("3 runs",)),
        ):
            terminal.press(key)
            terminal.shows(*words)
        terminal.press("q")
        assert terminal.is_gone()
    finally:
        terminal.process.close(force=True)
    for sequence in SEQUENCES:
        assert sequence.encode() not in terminal.received, sequence


def test_no_foreign_sequence_reaches_a_pipe(cli: Cli) -> None:
    runs = hostile_store(cli.home)
    for words, code in (
        (["runs", "list"], 0),
        (["runs", "show", runs[0]], 0),
        (["runs", "events", runs[0]], 0),
        (["runs", "compare", *runs, "--with-published"], 0),
        (["runs", "follow", runs[0]], 1),
        (["runs", "follow", runs[2], "--plain"], 0),
        (["genotype", "list", "--json"], 0),
        (["genotype", "show", runs[1]], 2),
        (["search", EVIL], 2),
        (["search", "drnas", "--dataset", EVIL], 5),
    ):
        done = cli(*words, code=code)
        assert "taken" in done.stdout + done.stderr, words
        assert acts(done.stdout + done.stderr) <= {"\n", "\t"}, words
