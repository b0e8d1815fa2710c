"""The commands of ``nastui runs``, by panel of its help."""

from __future__ import annotations

from collections.abc import Callable

from nastui.cli.command_help import Commands
from nastui.cli.runs import bulk, compare, engine, events, folders, labels, list_runs, log, show

_PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "Look": {
        "list": list_runs.list_,
        "show": show.show,
        "follow": events.follow,
        "events": events.events,
        "log": log.log,
        "inspect": engine.inspect,
        "compare": compare.compare,
        "path": folders.path,
    },
    "Control": {
        "stop": bulk.stop,
        "pause": bulk.pause,
        "resume": bulk.resume,
        "checkpoint": engine.checkpoint,
        "ask": engine.ask,
        "kill": engine.kill,
    },
    "Label, keep and remove": {
        "rename": labels.rename,
        "note": labels.note,
        "tag": labels.tag,
        "export": bulk.export,
        "rm": bulk.remove,
        "restore": folders.restore,
        "empty-trash": folders.empty_trash,
        "reindex": folders.reindex,
    },
}

app = Commands(help="List, follow, stop, resume, compare and remove runs.", no_args_is_help=True)
for panel, commands in _PANELS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)
