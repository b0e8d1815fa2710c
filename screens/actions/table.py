"""The table of actions: every key of every screen, in the order of the key line and the help."""

from __future__ import annotations

from functools import cache

from screens.actions.action import Action
from screens.models.panes import COMPARE_PANES, RUN_PANES

SCOPES = {
    "everywhere": "Everywhere",
    "runs": "Runs",
    "runs.table": "Runs: the table",
    "run": "Run",
    "new_run": "New run",
    "new_run.list": "New run: methods and presets",
    "new_run.field": "New run: a field",
    "new_run.choice": "New run: a choice",
    "compare": "Compare",
    "genotypes": "Genotypes",
    "genotypes.list": "Genotypes: the list",
    "cells": "Genotypes: cells side by side",
    "retrain": "Retrain",
    "pick": "Choosing from a list",
    "pick.list": "Choosing from a list: the list",
    "confirm": "A yes-or-no question",
    "ask": "Entering a line of text",
    "help": "The keys",
}
"""The title of every scope that has keys. The scope of a part of a screen starts with the screen's name and a dot."""

ACTIONS = (
    Action("everywhere.keys", "question_mark,f1", "keys of this screen", "keys_help", line="keys"),
    Action("everywhere.palette", "ctrl+p,colon", "command palette: find an action", "command_palette"),
    Action("everywhere.theme", "ctrl+t", "next theme", "next_theme"),
    Action("everywhere.glyphs", "ctrl+g", "next set of characters", "next_glyphs"),
    Action("everywhere.slow_line", "ctrl+l", "slow connection: redraw less often", "slow_line"),
    Action("everywhere.picture", "ctrl+e,f8", "save the screen as SVG", "picture"),
    Action("everywhere.picture_of_pane", "E", "save the pane as SVG", "picture(True)"),
    Action("everywhere.quit", "ctrl+q", "quit; runs keep running", "quit", priority=True),
    # Runs
    Action("runs.new", "n", "new run", "new_run", line="new", changes=True),
    Action("runs.demonstrate", "D", "start the demonstration", "demonstrate", line="demonstration", changes=True),
    Action("runs.filter", "slash", "filter as you type", "filter", line="filter"),
    Action("runs.resume", "R", "resume", "resume", line="resume", changes=True),
    Action("runs.stop", "x", "stop with a checkpoint", "stop", line="stop", changes=True),
    Action("runs.pause", "p", "pause or resume", "pause", line="pause", changes=True),
    Action("runs.undo", "u", "restore from the trash", "undo", line="undo", changes=True),
    Action("runs.tags", "t", "edit tags", "tags", line="tags", changes=True),
    Action("runs.trash", "d", "move to the trash", "trash", line="trash", changes=True),
    Action("runs.compare", "c", "compare the marked runs", "compare", line="compare"),
    Action("runs.latest", "l", "open the newest run", "latest"),
    Action("runs.fold", "f", "fold runs that differ only in their seed", "fold", line="fold seeds"),
    Action("runs.genotypes", "L", "the library of genotypes", "genotypes"),
    Action("runs.sort", "s", "sort by the next column", "sort(1)"),
    Action("runs.reverse", "S", "reverse the order", "reverse"),
    Action("runs.copy", "y", "copy the id", "copy_id"),
    Action("runs.leave_filter", "down", "to the runs", "leave_filter", line="to the runs", priority=True),
    Action("runs.clear", "escape", "clear the filter, then the marks", "clear", line="clear"),
    Action("runs.quit", "q", "quit; runs keep running", "app.quit", line="quit"),
    Action("runs.table.open", "enter", "open the run or unfold the group", "open", line="open"),
    Action("runs.table.mark", "space", "mark, to act on several runs", "mark", line="mark"),
    Action("runs.table.down", "j,down", "next run", "move(1)"),
    Action("runs.table.up", "k,up", "previous run", "move(-1)"),
    Action("runs.table.page_down", "ctrl+d,pagedown", "page down", "page(1)"),
    Action("runs.table.page_up", "ctrl+u,pageup", "page up", "page(-1)"),
    Action("runs.table.first", "g,home", "first run", "edge(0)"),
    Action("runs.table.last", "G,end", "last run", "edge(1)"),
    # Run
    Action("run.pause", "p", "pause or resume", "pause", line="pause", changes=True),
    Action("run.stop", "s,x", "stop with a checkpoint", "stop", line="stop", changes=True),
    Action("run.resume", "R", "resume from the checkpoint", "resume", line="resume", changes=True),
    Action("run.back", "left,h", "previous epoch", "epoch(-1)", line="epoch", shown="←→"),
    Action("run.on", "right,l", "next epoch", "epoch(1)"),
    Action("run.ten_back", "left_square_bracket", "ten epochs back", "epoch(-10)"),
    Action("run.ten_on", "right_square_bracket", "ten epochs forward", "epoch(10)"),
    Action("run.first", "home,g", "first epoch", "first"),
    Action("run.newest", "end,G", "newest epoch; follow the run", "newest"),
    Action("run.hold", "space", "hold a live view; play a past run", "hold", line="hold / play"),
    *(
        Action(f"run.pane_{number}", str(number), f"{title}; again: maximise", f"pane({number})")
        for number, title in RUN_PANES.items()
    ),
    Action("run.all_panes", "0", "all panes", "unzoom"),
    Action("run.zoom", "z,enter", "maximise or restore the pane", "zoom", line="zoom"),
    Action("run.next_pane", "tab", "next pane", "next_pane(1)"),
    Action("run.pane_before", "shift+tab", "previous pane", "next_pane(-1)"),
    Action("run.kind", "n", "next kind of cell; in pane 1, next curves", "kind(1)"),
    Action("run.kind_before", "N", "previous kind", "kind(-1)"),
    Action("run.mark", "m", "compare cells with this epoch", "mark"),
    Action("run.down", "j,down", "down", "scroll(1)"),
    Action("run.up", "k,up", "up", "scroll(-1)"),
    Action("run.page_down", "ctrl+d,pagedown", "page down", "scroll(10)"),
    Action("run.page_up", "ctrl+u,pageup", "page up", "scroll(-10)"),
    Action("run.next_edge", "full_stop", "select the next edge: weights, margin, history", "edge(1)"),
    Action("run.edge_before", "comma", "select the previous edge", "edge(-1)"),
    Action("run.operation", "o", "select the next operation of the edge", "operation(1)"),
    Action("run.operation_before", "O", "select the previous operation", "operation(-1)"),
    Action("run.log_axis", "L", "logarithmic or linear axis of the curves", "log_axis"),
    Action("run.smooth", "a", "average curves over 5 or 20 epochs, or not", "smooth"),
    Action("run.find", "slash", "find in the log; n and N go to the next hit in pane 6", "find"),
    Action("run.log_level", "v", "show less of the log, or all of it", "log_level"),
    Action("run.retrain", "r", "retrain the cell of this epoch", "retrain", line="retrain", changes=True),
    Action("run.export", "e", "export the run into a folder", "export", line="export"),
    Action("run.compare", "c", "compare with another run", "compare", line="compare"),
    Action("run.checkpoint", "w", "write a checkpoint now", "checkpoint", changes=True),
    Action("run.copy", "y", "copy the genotype", "copy", line="copy the genotype"),
    Action("run.picture", "S", "save the screen as SVG", "app.picture", line="save as SVG"),
    Action("run.unzoom", "escape", "all panes, then back", "back"),
    Action("run.leave", "q", "back to the runs", "leave", line="back"),
    # New run
    Action("new_run.start", "ctrl+s", "start the run", "start", line="start", changes=True),
    Action("new_run.next", "tab", "next field", "app.focus_next", line="next"),
    Action("new_run.before", "shift+tab", "previous field", "app.focus_previous"),
    Action("new_run.copy", "ctrl+y", "copy the command that starts this run", "copy_command", line="copy the command"),
    Action(
        "new_run.measure", "ctrl+r", "measure time and memory on this machine", "measure", line="measure", changes=True
    ),
    Action("new_run.leave", "escape", "back", "leave", line="back"),
    Action("new_run.list.down", "j,down", "next", "cursor_down"),
    Action("new_run.list.up", "k,up", "previous", "cursor_up"),
    Action("new_run.list.first", "g,home", "first", "first"),
    Action("new_run.list.last", "G,end", "last", "last"),
    Action("new_run.list.on", "enter,l,right", "next field", "app.focus_next"),
    Action("new_run.list.back", "h,left", "previous field", "app.focus_previous"),
    Action("new_run.field.down", "down,enter", "next field", "app.focus_next"),
    Action("new_run.field.up", "up", "previous field", "app.focus_previous"),
    Action("new_run.choice.next", "right,space,l", "next value", "step(1)"),
    Action("new_run.choice.previous", "left,h", "previous value", "step(-1)"),
    # Genotypes
    Action("genotypes.filter", "slash", "filter as you type", "filter", line="filter"),
    Action("genotypes.retrain", "r", "retrain with a paper's recipe", "retrain", line="retrain", changes=True),
    Action("genotypes.export", "e", "export to a file", "export", line="export"),
    Action("genotypes.compare", "c", "compare the marked cells", "compare", line="compare"),
    Action("genotypes.copy", "y", "copy as text", "copy", line="copy"),
    Action("genotypes.kind", "n", "next kind of cell", "kind(1)"),
    Action("genotypes.kind_before", "N", "previous kind", "kind(-1)"),
    Action("genotypes.page_down", "J,ctrl+d,pagedown", "scroll the details down", "scroll(5)"),
    Action("genotypes.page_up", "K,ctrl+u,pageup", "scroll the details up", "scroll(-5)"),
    Action("genotypes.leave_filter", "down", "to the list", "leave_filter", line="to the list", priority=True),
    Action("genotypes.clear", "escape", "clear the filter, the marks, then back", "clear"),
    Action("genotypes.leave", "q", "back", "leave", line="back"),
    Action("genotypes.list.open", "enter,o", "open the run that found it", "screen.run", line="run"),
    Action("genotypes.list.mark", "space", "mark, to compare several", "screen.mark", line="mark"),
    Action("genotypes.list.down", "j,down", "next", "cursor_down"),
    Action("genotypes.list.up", "k,up", "previous", "cursor_up"),
    Action("genotypes.list.first", "g,home", "first", "first"),
    Action("genotypes.list.last", "G,end", "last", "last"),
    Action("cells.kind", "n", "next kind of cell", "kind(1)", line="kind"),
    Action("cells.kind_before", "N", "previous kind", "kind(-1)"),
    Action("cells.reference", "r", "compare with the next cell", "reference", line="reference"),
    Action("cells.down", "j,down,ctrl+d,pagedown", "down", "scroll(5)"),
    Action("cells.up", "k,up,ctrl+u,pageup", "up", "scroll(-5)"),
    Action("cells.leave", "escape,q", "back", "leave", line="back"),
    Action("retrain.start", "ctrl+s", "start the retraining", "start", line="start", changes=True),
    Action("retrain.next", "tab", "next field", "app.focus_next", line="next"),
    Action("retrain.before", "shift+tab", "previous field", "app.focus_previous"),
    Action("retrain.copy", "ctrl+y", "copy the command that starts this run", "copy_command", line="copy the command"),
    Action(
        "retrain.measure", "ctrl+r", "measure time and memory on this machine", "measure", line="measure", changes=True
    ),
    Action("retrain.leave", "escape", "back", "leave", line="back"),
    # Compare
    Action("compare.metric", "m", "next metric", "metric(1)", line="metric"),
    Action("compare.metric_before", "M", "previous metric", "metric(-1)"),
    Action("compare.back", "left,h", "previous epoch", "epoch(-1)", line="epoch", shown="←→"),
    Action("compare.on", "right,l", "next epoch", "epoch(1)"),
    Action("compare.ten_back", "left_square_bracket", "ten epochs back", "epoch(-10)"),
    Action("compare.ten_on", "right_square_bracket", "ten epochs forward", "epoch(10)"),
    Action("compare.first", "home,g", "first epoch", "first"),
    Action("compare.newest", "end,G", "newest epoch; follow the run", "newest"),
    Action("compare.kind", "n", "next kind of cell", "kind(1)"),
    Action("compare.kind_before", "N", "previous kind", "kind(-1)"),
    Action("compare.reference", "r", "compare cells with the next run", "reference", line="reference"),
    *(
        Action(f"compare.pane_{number}", str(number), f"{title}; again: maximise", f"pane({number})")
        for number, title in COMPARE_PANES.items()
    ),
    Action("compare.zoom", "z", "maximise or restore the pane", "zoom", line="zoom"),
    Action("compare.next_pane", "tab", "next pane", "next_pane(1)", line="pane"),
    Action("compare.pane_before", "shift+tab", "previous pane", "next_pane(-1)"),
    Action("compare.down", "j,down", "down", "scroll(1)"),
    Action("compare.up", "k,up", "up", "scroll(-1)"),
    Action("compare.page_down", "ctrl+d,pagedown", "page down", "scroll(10)"),
    Action("compare.page_up", "ctrl+u,pageup", "page up", "scroll(-10)"),
    Action("compare.open", "enter,o", "open one of the runs", "run"),
    Action("compare.copy", "y", "copy the comparison as text", "copy", line="copy"),
    Action("compare.save", "e", "save as text, CSV or SVG", "save", line="save"),
    Action("compare.unzoom", "escape", "all panes, then back", "back"),
    Action("compare.leave", "q", "back", "leave", line="back"),
    # Questions
    Action("pick.leave", "escape,q", "cancel", "leave", line="cancel"),
    Action("pick.list.choose", "enter", "choose this one", "select", line="choose"),
    Action("pick.list.down", "j,down", "next", "cursor_down"),
    Action("pick.list.up", "k,up", "previous", "cursor_up"),
    Action("pick.list.first", "g,home", "first", "first"),
    Action("pick.list.last", "G,end", "last", "last"),
    Action("confirm.yes", "y", "yes", "answer(True)", line="yes"),
    Action("confirm.no", "n,escape,q", "no", "answer(False)", line="no"),
    Action("ask.leave", "escape", "cancel", "leave", line="cancel"),
    # The keys
    Action("help.close", "question_mark,escape,q,f1", "close", "close", line="close"),
    Action("help.down", "j,down", "down", "scroll(1)"),
    Action("help.up", "k,up", "up", "scroll(-1)"),
)


@cache
def registry() -> dict[str, Action]:
    """Return every action by its id, in the order of the table."""
    return {action.id: action for action in ACTIONS}


def actions_of(scope: str) -> list[Action]:
    """Return the actions of a scope such as ``runs`` or ``runs.table``, without those of its parts."""
    return [action for action in registry().values() if action.scope == scope]


def changes(scope: str, call: str) -> bool:
    """Return whether a method of a scope changes anything."""
    return any(action.changes and action.name == call for action in actions_of(scope))
