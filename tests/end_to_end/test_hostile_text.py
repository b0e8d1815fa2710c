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
        terminal.press("?", ESCAPE, "t")
        terminal.shows("Tags")
        terminal.press(ESCAPE, "G", ENTER)
        terminal.shows("[1]", "failed", "[/x]")
        for pane in ("5", "6", "6", "2", "4"):
            terminal.press(pane)
        terminal.shows("q back")
        terminal.press("q")
        terminal.shows("3 runs")
        terminal.press("g", " ", " ", " ", "c")
        terminal.shows("compare", "taken [/x]", "[5] published")
        terminal.press("2", "4", "5", "q")
        terminal.shows("3 marked")
        terminal.press("L", "G")
        terminal.shows(found[:8], "taken [/x]")
        terminal.press("q", "n")
        terminal.shows("new run", "dataset")
        terminal.press("\t", "\t", "\t", f"\x1b[200~{PASTED}\x1b[201~")
        terminal.shows("✗ dataset:")
        terminal.press("\x1b[H")  # to the beginning of the line
        terminal.shows("dataset             taken [/x] [bold]$]0;taken")
        terminal.press(ESCAPE)
        terminal.shows("Leave without starting?")
        terminal.press("y")
        terminal.shows("3 runs")
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
        (["genotypes", "--json"], 0),
        (["genotype", "show", runs[1]], 2),
        (["search", EVIL], 2),
        (["search", "drnas", "--dataset", EVIL], 5),
    ):
        done = cli(*words, code=code)
        assert "taken" in done.stdout + done.stderr, words
        assert acts(done.stdout + done.stderr) <= {"\n", "\t"}, words
