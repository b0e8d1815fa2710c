"""What each key means: one thing on all screens.

A key is learned once. The names are the last parts of the ids of actions, ``stop`` for ``runs.stop`` and
``queue.stop``. An action may have a key only if the meaning of the key lists its name. The keys are those of vim,
less, lazygit and k9s where these have one for the purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

from screens.actions.action import Action, split_keys


@dataclass(frozen=True)
class Meaning:
    """The one meaning of some keys.

    Attributes:
        keys: Textual's names of the keys, separated by commas.
        means: the meaning in words, for the documentation.
        names: the names of the actions that may have the keys, or the whole id of one whose name means something else
            elsewhere.
    """

    keys: str
    means: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Exemption:
    """A key that means something else for one action, and why nobody is misled."""

    id: str
    key: str
    reason: str


MEANINGS = (
    # Moving
    Meaning("j,down", "down: the next line", ("down", "leave_filter")),
    Meaning("k,up", "up: the line before", ("up",)),
    Meaning(
        "l,right", "right: the next epoch, column, field or value; into a group", ("on", "right", "next", "unfold")
    ),
    Meaning("h,left", "left: the one before; out of a group", ("back", "left", "previous", "runs.table.fold")),
    Meaning("g,home", "the first", ("first",)),
    Meaning("G,end", "the last, the newest", ("last", "newest")),
    Meaning("ctrl+d,pagedown", "a page down", ("page_down", "down")),
    Meaning("ctrl+u,pageup", "a page up", ("page_up", "up")),
    Meaning("left_square_bracket", "ten back", ("ten_back",)),
    Meaning("right_square_bracket", "ten forward", ("ten_on",)),
    Meaning("full_stop", "the next edge of the cell", ("next_edge",)),
    Meaning("comma", "the edge before", ("edge_before",)),
    Meaning("greater_than_sign", "the next operation of the edge", ("operation",)),
    Meaning("less_than_sign", "the operation before", ("operation_before",)),
    Meaning("n", "the next: hit of a search, kind of cell", ("kind",)),
    Meaning("N", "the hit or the kind before", ("kind_before",)),
    Meaning("m", "the next metric", ("metric", "curves")),
    Meaning("M", "the metric before", ("metric_before", "curves_before")),
    # Panes and fields
    Meaning("tab", "the next pane or field", ("next_pane", "next")),
    Meaning("shift+tab", "the pane or field before", ("pane_before", "before")),
    *(Meaning(str(number), f"pane {number}; again: maximise", (f"pane_{number}",)) for number in range(1, 8)),
    Meaning("0", "all panes", ("all_panes",)),
    Meaning("z", "zoom: maximise or restore the pane", ("zoom",)),
    # Opening and leaving
    Meaning("enter", "open or take what is selected", ("open", "zoom", "on", "down", "choose", "labels.save")),
    Meaning("o", "open the run", ("open",)),
    Meaning("O", "open the newest run", ("latest",)),
    Meaning("Q", "open the queue", ("queue",)),
    Meaning("L", "open the library of genotypes", ("genotypes",)),
    Meaning("q", "quit: back, and from the first screen out", ("quit", "leave", "close")),
    Meaning(
        "escape",
        "undo one thing on the way back: the filter, the marks, the zoom, the screen",
        ("clear", "unzoom", "leave", "close"),
    ),
    # Finding and choosing
    Meaning("slash,f3", "search", ("filter", "find")),
    Meaning("space", "mark: what to act on, or what cells are compared with", ("mark", "reference")),
    Meaning("s", "sort by the next column", ("sort",)),
    Meaning("S", "sort backwards", ("reverse",)),
    Meaning("f", "fold rows into sweeps or seeds", ("runs.fold",)),
    Meaning("v", "verbosity of the log", ("log_level",)),
    Meaning("F", "follow or hold the newest epoch; play", ("run.hold",)),
    Meaning("a", "average the curves", ("smooth",)),
    Meaning("A", "axis of the curves: logarithmic or linear", ("log_axis",)),
    # Runs
    Meaning("p", "pause a run, or let it go on", ("pause", "queue.hold")),
    Meaning("R", "resume a run", ("resume", "release")),
    Meaning("x", "stop a run with a checkpoint, or take it out of the queue", ("stop",)),
    Meaning("X", "stop all", ("stop_all",)),
    Meaning("w", "write a checkpoint", ("checkpoint",)),
    Meaning("d", "delete: move to the trash", ("trash",)),
    Meaning("u", "undo: restore from the trash", ("undo",)),
    Meaning("t", "tags", ("tags",)),
    Meaning("i", "insert: edit name and note", ("labels",)),
    Meaning("c", "compare", ("compare",)),
    Meaning("r", "retrain the genotype", ("retrain",)),
    Meaning("D", "start the demonstration", ("demonstrate",)),
    Meaning("plus", "add seeds", ("add_seeds",)),
    Meaning("J,shift+down", "move the run down the queue", ("later",)),
    Meaning("K,shift+up", "move the run up the queue", ("earlier",)),
    Meaning("T", "move the run to the top of the queue", ("queue.first",)),
    # Taking away
    Meaning("y", "yank: copy", ("copy",)),
    Meaning("e", "export to a file", ("export", "save")),
    Meaning("E", "export the pane as a picture", ("picture_of_pane",)),
    Meaning("ctrl+e,f8", "export the screen as a picture", ("picture",)),
    # Forms
    Meaning("ctrl+s", "start", ("start",)),
    Meaning("ctrl+y", "copy the command", ("new_run.copy", "retrain.copy")),
    Meaning("ctrl+r", "measure the configuration", ("measure",)),
    # The dashboard
    Meaning("question_mark,f1", "the keys of this screen; again: close them", ("keys", "close")),
    Meaning("ctrl+p,colon", "the command palette", ("palette",)),
    Meaning("ctrl+t", "the next theme", ("theme",)),
    Meaning("ctrl+g", "the next set of characters", ("glyphs",)),
    Meaning("ctrl+l", "a slow connection", ("slow_line",)),
    Meaning("ctrl+q", "quit from anywhere", ("quit",)),
)

EXEMPTIONS = (
    Exemption(
        "runs.new",
        "n",
        "`n` starts a new run on Runs, as it creates in lists of lazygit; there is no next hit or kind of cell there.",
    ),
    Exemption("confirm.yes", "y", "`y` and `n` answer a question, which says so, as in every terminal."),
    Exemption("confirm.no", "n", "`y` and `n` answer a question, which says so, as in every terminal."),
    Exemption("confirm.no", "q", "`q` and `esc` close a question; to close it unanswered is to say no."),
    Exemption("confirm.no", "escape", "`q` and `esc` close a question; to close it unanswered is to say no."),
    Exemption("new_run.choice.next", "space", "`space` changes the value of a choice, as in every form."),
)
"""Exemptions with one reason are listed together."""


def meanings() -> dict[str, Meaning]:
    """Return the meaning of every key.

    Raises:
        ValueError: a key has two meanings.
    """
    found: dict[str, Meaning] = {}
    for meaning in MEANINGS:
        for key in split_keys(meaning.keys):
            if key in found:
                raise ValueError(f"The key '{key}' means '{found[key].means}' and '{meaning.means}'.")
            found[key] = meaning
    return found


def misused(action: Action) -> list[str]:
    """Return a sentence about each key of an action that means something else, or nothing, in :data:`MEANINGS`."""
    known = meanings()
    whole_ids = {name for meaning in MEANINGS for name in meaning.names if "." in name}
    name = action.id if action.id in whole_ids else action.id.rpartition(".")[2]
    exempt = {(exemption.id, exemption.key) for exemption in EXEMPTIONS}
    sentences = []
    for key in split_keys(action.keys):
        meaning = known.get(key)
        if (action.id, key) in exempt:
            continue
        if meaning is None:
            sentences.append(f"'{action.id}' has the key '{key}', which has no meaning yet.")
        elif name not in meaning.names:
            sentences.append(f"'{action.id}' has the key '{key}', which means '{meaning.means}' on the other screens.")
    return sentences
