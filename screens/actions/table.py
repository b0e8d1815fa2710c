"""The table of actions: every key of every screen, in the order in which the key line and the help show them."""

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
    "cells": "Genotypes: cells beside each other",
    "retrain": "Retrain",
    "pick": "A question that one of a list answers",
    "pick.list": "A question that one of a list answers: the list",
    "confirm": "A question of yes or no",
    "ask": "A question for a line of text",
    "help": "The keys",
}
"""Every scope that has keys, and what people call it. A part of a screen has the screen's name and a dot before it."""

ACTIONS = (
    Action("everywhere.keys", "question_mark,f1", "the keys of where you are", "keys_help", line="keys"),
    Action("everywhere.palette", "ctrl+p,colon", "palette: find an action", "command_palette"),
    Action("everywhere.theme", "ctrl+t", "next theme", "next_theme"),
    Action("everywhere.glyphs", "ctrl+g", "next set of characters", "next_glyphs"),
    Action("everywhere.slow_line", "ctrl+l", "slow line: send less, or all", "slow_line"),
    Action("everywhere.picture", "ctrl+e,f8", "save the screen as SVG", "picture"),
    Action("everywhere.picture_of_pane", "E", "save the pane as SVG", "picture(True)"),
    Action("everywhere.quit", "ctrl+q", "quit; runs go on", "quit", priority=True),
    # Runs
    Action("runs.new", "n", "new run", "new_run", line="new", changes=True),
    Action("runs.demonstrate", "D", "start the demonstration", "demonstrate", line="demonstration", changes=True),
    Action("runs.filter", "slash", "filter as you type", "filter", line="filter"),
    Action("runs.resume", "R", "resume", "resume", line="resume", changes=True),
    Action("runs.stop", "x", "stop, with a checkpoint", "stop", line="stop", changes=True),
    Action("runs.pause", "p", "pause, or go on", "pause", line="pause", changes=True),
    Action("runs.undo", "u", "bring back from the trash", "undo", line="undo", changes=True),
    Action("runs.tags", "t", "edit tags", "tags", line="tags", changes=True),
    Action("runs.trash", "d", "move to the trash", "trash", line="trash", changes=True),
    Action("runs.compare", "c", "compare the marked runs", "compare", line="compare"),
    Action("runs.latest", "l", "open the newest run", "latest"),
    Action("runs.fold", "f", "fold runs that differ in seed alone", "fold", line="fold seeds"),
    Action("runs.genotypes", "L", "the library of genotypes", "genotypes"),
    Action("runs.sort", "s", "sort by the next column", "sort(1)"),
    Action("runs.reverse", "S", "turn the order round", "reverse"),
    Action("runs.copy", "y", "copy the id", "copy_id"),
    Action("runs.leave_filter", "down", "to the runs", "leave_filter", line="to the runs", priority=True),
    Action("runs.clear", "escape", "clear filter, then marks", "clear", line="clear"),
    Action("runs.quit", "q", "quit; runs go on", "app.quit", line="quit"),
    Action("runs.table.open", "enter", "open the run, unfold the group", "open", line="open"),
    Action("runs.table.mark", "space", "mark, for what is done to several", "mark", line="mark"),
    Action("runs.table.down", "j,down", "next run", "move(1)"),
    Action("runs.table.up", "k,up", "previous run", "move(-1)"),
    Action("runs.table.page_down", "ctrl+d,pagedown", "a page on", "page(1)"),
    Action("runs.table.page_up", "ctrl+u,pageup", "a page back", "page(-1)"),
    Action("runs.table.first", "g,home", "first run", "edge(0)"),
    Action("runs.table.last", "G,end", "last run", "edge(1)"),
    # Run
    Action("run.pause", "p", "pause, or go on", "pause", line="pause / go on", changes=True),
    Action("run.stop", "s,x", "stop, with a checkpoint", "stop", line="stop", changes=True),
    Action("run.resume", "R", "resume from the checkpoint", "resume", line="resume", changes=True),
    Action("run.back", "left,h", "an epoch back", "epoch(-1)", line="epoch", shown="←→"),
    Action("run.on", "right,l", "an epoch on", "epoch(1)"),
    Action("run.ten_back", "left_square_bracket", "ten epochs back", "epoch(-10)"),
    Action("run.ten_on", "right_square_bracket", "ten epochs on", "epoch(10)"),
    Action("run.first", "home,g", "first epoch", "first"),
    Action("run.newest", "end,G", "newest epoch, live", "newest"),
    Action("run.hold", "space", "hold the view, or play", "hold", line="hold / play"),
    *(
        Action(f"run.pane_{number}", str(number), f"{title}; twice: maximised", f"pane({number})")
        for number, title in RUN_PANES.items()
    ),
    Action("run.all_panes", "0", "all panes", "unzoom"),
    Action("run.zoom", "z,enter", "maximise the pane, or take it back", "zoom", line="zoom"),
    Action("run.next_pane", "tab", "next pane", "next_pane(1)"),
    Action("run.pane_before", "shift+tab", "pane before", "next_pane(-1)"),
    Action("run.kind", "n", "next kind of cell, or of curve in pane 1", "kind(1)"),
    Action("run.kind_before", "N", "the kind before", "kind(-1)"),
    Action("run.mark", "m", "compare cells with this epoch", "mark"),
    Action("run.down", "j,down", "down", "scroll(1)"),
    Action("run.up", "k,up", "up", "scroll(-1)"),
    Action("run.page_down", "ctrl+d,pagedown", "a page down", "scroll(10)"),
    Action("run.page_up", "ctrl+u,pageup", "a page up", "scroll(-10)"),
    Action("run.next_edge", "full_stop", "look at the next edge: weights, margin, history", "edge(1)"),
    Action("run.edge_before", "comma", "look at the edge before", "edge(-1)"),
    Action("run.operation", "o", "look at the next operation of the edge", "operation(1)"),
    Action("run.operation_before", "O", "look at the operation before", "operation(-1)"),
    Action("run.log_axis", "L", "curves on a logarithmic axis, or a plain one", "log_axis"),
    Action("run.smooth", "a", "average curves over 5 or 20 epochs, or none", "smooth"),
    Action("run.find", "slash", "find in the log; n and N go on from there in pane 6", "find"),
    Action("run.log_level", "v", "show less of the log, or everything", "log_level"),
    Action("run.retrain", "r", "retrain the cell of this epoch", "retrain", line="retrain", changes=True),
    Action("run.export", "e", "export the run into a folder", "export", line="export"),
    Action("run.compare", "c", "compare with another run", "compare", line="compare"),
    Action("run.checkpoint", "w", "write a checkpoint now", "checkpoint", changes=True),
    Action("run.copy", "y", "copy the genotype", "copy", line="copy the genotype"),
    Action("run.picture", "S", "save the screen as SVG", "app.picture", line="save as SVG"),
    Action("run.unzoom", "escape", "all panes, or back", "back"),
    Action("run.leave", "q", "back to the runs", "leave", line="back"),
    # New run
    Action("new_run.start", "ctrl+s", "start the run", "start", line="start", changes=True),
    Action("new_run.next", "tab", "next field", "app.focus_next", line="next"),
    Action("new_run.before", "shift+tab", "field before", "app.focus_previous"),
    Action("new_run.copy", "ctrl+y", "copy the command that starts it", "copy_command", line="copy the command"),
    Action("new_run.measure", "ctrl+r", "measure its time and memory here", "measure", line="measure", changes=True),
    Action("new_run.leave", "escape", "back", "leave", line="back"),
    Action("new_run.list.down", "j,down", "next", "cursor_down"),
    Action("new_run.list.up", "k,up", "previous", "cursor_up"),
    Action("new_run.list.first", "g,home", "first", "first"),
    Action("new_run.list.last", "G,end", "last", "last"),
    Action("new_run.list.on", "enter,l,right", "on", "app.focus_next"),
    Action("new_run.list.back", "h,left", "back", "app.focus_previous"),
    Action("new_run.field.down", "down,enter", "next field", "app.focus_next"),
    Action("new_run.field.up", "up", "previous field", "app.focus_previous"),
    Action("new_run.choice.next", "right,space,l", "next value", "step(1)"),
    Action("new_run.choice.previous", "left,h", "previous value", "step(-1)"),
    # Genotypes
    Action("genotypes.filter", "slash", "filter as you type", "filter", line="filter"),
    Action("genotypes.retrain", "r", "retrain it by a paper's recipe", "retrain", line="retrain", changes=True),
    Action("genotypes.export", "e", "write it to a file", "export", line="export"),
    Action("genotypes.compare", "c", "marked cells side by side", "compare", line="compare"),
    Action("genotypes.copy", "y", "copy it as text", "copy", line="copy"),
    Action("genotypes.kind", "n", "next kind of cell", "kind(1)"),
    Action("genotypes.kind_before", "N", "the kind before", "kind(-1)"),
    Action("genotypes.page_down", "J,ctrl+d,pagedown", "scroll its facts down", "scroll(5)"),
    Action("genotypes.page_up", "K,ctrl+u,pageup", "scroll its facts up", "scroll(-5)"),
    Action("genotypes.leave_filter", "down", "to the list", "leave_filter", line="to the list", priority=True),
    Action("genotypes.clear", "escape", "clear filter, marks, then back", "clear"),
    Action("genotypes.leave", "q", "back", "leave", line="back"),
    Action("genotypes.list.open", "enter,o", "open the run that found it", "screen.run", line="run"),
    Action("genotypes.list.mark", "space", "mark, to compare several", "screen.mark", line="mark"),
    Action("genotypes.list.down", "j,down", "next", "cursor_down"),
    Action("genotypes.list.up", "k,up", "previous", "cursor_up"),
    Action("genotypes.list.first", "g,home", "first", "first"),
    Action("genotypes.list.last", "G,end", "last", "last"),
    Action("cells.kind", "n", "next kind of cell", "kind(1)", line="kind"),
    Action("cells.kind_before", "N", "the kind before", "kind(-1)"),
    Action("cells.reference", "r", "compare with the next cell", "reference", line="reference"),
    Action("cells.down", "j,down,ctrl+d,pagedown", "down", "scroll(5)"),
    Action("cells.up", "k,up,ctrl+u,pageup", "up", "scroll(-5)"),
    Action("cells.leave", "escape,q", "back", "leave", line="back"),
    Action("retrain.start", "ctrl+s", "start the retraining", "start", line="start", changes=True),
    Action("retrain.next", "tab", "next field", "app.focus_next", line="next"),
    Action("retrain.before", "shift+tab", "field before", "app.focus_previous"),
    Action("retrain.copy", "ctrl+y", "copy the command that starts it", "copy_command", line="copy the command"),
    Action("retrain.measure", "ctrl+r", "measure its time and memory here", "measure", line="measure", changes=True),
    Action("retrain.leave", "escape", "back", "leave", line="back"),
    # Compare
    Action("compare.metric", "m", "next metric", "metric(1)", line="metric"),
    Action("compare.metric_before", "M", "metric before", "metric(-1)"),
    Action("compare.back", "left,h", "an epoch back", "epoch(-1)", line="epoch", shown="←→"),
    Action("compare.on", "right,l", "an epoch on", "epoch(1)"),
    Action("compare.ten_back", "left_square_bracket", "ten epochs back", "epoch(-10)"),
    Action("compare.ten_on", "right_square_bracket", "ten epochs on", "epoch(10)"),
    Action("compare.first", "home,g", "first epoch", "first"),
    Action("compare.newest", "end,G", "newest epoch, live", "newest"),
    Action("compare.kind", "n", "next kind of cell", "kind(1)"),
    Action("compare.kind_before", "N", "the kind before", "kind(-1)"),
    Action("compare.reference", "r", "cells: compare with the next run", "reference", line="reference"),
    *(
        Action(f"compare.pane_{number}", str(number), f"{title}; twice: maximised", f"pane({number})")
        for number, title in COMPARE_PANES.items()
    ),
    Action("compare.zoom", "z", "maximise the pane, or take it back", "zoom", line="zoom"),
    Action("compare.next_pane", "tab", "next pane", "next_pane(1)", line="pane"),
    Action("compare.pane_before", "shift+tab", "pane before", "next_pane(-1)"),
    Action("compare.down", "j,down", "down", "scroll(1)"),
    Action("compare.up", "k,up", "up", "scroll(-1)"),
    Action("compare.page_down", "ctrl+d,pagedown", "a page down", "scroll(10)"),
    Action("compare.page_up", "ctrl+u,pageup", "a page up", "scroll(-10)"),
    Action("compare.open", "enter,o", "open one of the runs", "run"),
    Action("compare.copy", "y", "copy the comparison as text", "copy", line="copy"),
    Action("compare.save", "e", "save as text, CSV or SVG", "save", line="save"),
    Action("compare.unzoom", "escape", "all panes, or back", "back"),
    Action("compare.leave", "q", "back", "leave", line="back"),
    # Questions
    Action("pick.leave", "escape,q", "none", "leave", line="none"),
    Action("pick.list.choose", "enter", "this one", "select", line="this one"),
    Action("pick.list.down", "j,down", "next", "cursor_down"),
    Action("pick.list.up", "k,up", "previous", "cursor_up"),
    Action("pick.list.first", "g,home", "first", "first"),
    Action("pick.list.last", "G,end", "last", "last"),
    Action("confirm.yes", "y", "yes", "answer(True)", line="yes"),
    Action("confirm.no", "n,escape,q", "no", "answer(False)", line="no"),
    Action("ask.leave", "escape", "leave it as it was", "leave", line="leave as it was"),
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
    """Return the actions of a scope, ``runs`` or ``runs.table``, without those of its parts."""
    return [action for action in registry().values() if action.scope == scope]


def changes(scope: str, call: str) -> bool:
    """Say whether a method of a scope changes anything."""
    return any(action.changes and action.name == call for action in actions_of(scope))
