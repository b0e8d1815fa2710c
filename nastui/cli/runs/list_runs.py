"""``nastui runs list``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nastui.cli import completion
from nastui.cli.json_option import Json
from nastui.cli.selection import Where, open_store
from runs.errors import UsageError

if TYPE_CHECKING:
    from runs.store.record import Record


class Sort(StrEnum):
    """The values of ``runs list --sort``."""

    CREATED = "created"
    STATUS = "status"
    METHOD = "method"
    DATASET = "dataset"
    NAME = "name"
    EPOCH = "epoch"
    BEST = "best"
    SECONDS = "seconds"


class Format(StrEnum):
    """The values of ``runs list --format``."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


def list_(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILTER", help="List only what matches: words, method:drnas, status:lost, 'best<90'."),
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            help="List only runs with this status, such as running, stalled, finished or lost.",
            autocompletion=completion.statuses,
        ),
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="List only runs of this method.", autocompletion=completion.methods)
    ] = None,
    tag: Annotated[str | None, typer.Option(help="List only runs with this tag.")] = None,
    where: Where = None,
    sort: Annotated[Sort, typer.Option(help="Sort by this column; newest or largest first.")] = Sort.CREATED,
    limit: Annotated[int | None, typer.Option(help="List only the first so many.", min=1)] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="Choose columns, with commas between them: id,best,seed or any JSON key, best.search_loss."),
    ] = None,
    style: Annotated[Format, typer.Option("--format", help="Choose the format.")] = Format.TABLE,
    groups: Annotated[
        bool,
        typer.Option("--groups", help="Group runs that differ only in their seeds: mean and standard deviation."),
    ] = False,
    as_json: Json = False,
) -> None:
    """List runs and their status, newest first."""
    from nastui.cli import output
    from nastui.cli.runs import grouping, listing
    from runs.errors import closest
    from runs.fleet.queueing import ensure_dispatcher, waits
    from runs.store.filter import EVERYTHING, RunFilter, Texts
    from runs.store.queue import Queue
    from runs.store.status import Status

    if status is not None and status not in list(Status):
        raise UsageError(f"Unknown status '{status[:80]}'.", closest(status, list(Status)))
    style = _format(style, as_json=as_json)
    if groups and (columns is not None or style not in (Format.TABLE, Format.JSON)):
        raise UsageError("--groups has columns of its own, as a table or as JSON.", "Leave --columns and --format out.")
    shown = None if columns is None else listing.columns_of(columns)
    text = " ".join([*(words or ()), *([] if where is None else [where])])
    wanted = RunFilter.parse_strictly(text) if words or where is not None else EVERYTHING
    store = open_store()
    ensure_dispatcher(store.home)
    texts, waiting = Texts(), waits(Queue(store.home).read())
    records = [
        record
        for record in store.records()
        if (status is None or status in (record.status, record.shown_status))
        and (method is None or record.head["method"] == method)
        and (tag is None or tag in record.labels.tags)
        and wanted.matches(record, texts)
    ]
    if sort is not Sort.CREATED:
        descending = sort in (Sort.EPOCH, Sort.BEST, Sort.SECONDS)
        records.sort(key=lambda record: _sort_key(record, sort), reverse=descending)
    for name, fault in store.unreadable.items():
        output.warn(f"Skipped {name}: {fault}")
    if not records and style is Format.TABLE:
        narrowed = wanted or status or method or tag
        output.say("No run matches." if narrowed else "No runs. Start one: nastui search drnas --preset quick")
        return
    if groups:
        grouping.groups(records, limit=limit, as_json=style is Format.JSON, by_best=sort is Sort.BEST)
    else:
        listing.print_runs(records[:limit], waiting, shown, style)
    output.send_due(store.home)


def _format(style: Format, *, as_json: bool) -> Format:
    if as_json and style not in (Format.TABLE, Format.JSON):
        raise UsageError(f"--json and --format {style} cannot be used together.", "Leave one out.")
    return Format.JSON if as_json else style


def _sort_key(record: Record, sort: Sort) -> Any:
    match sort:
        case Sort.STATUS:
            return str(record.shown_status)
        case Sort.NAME:
            return record.labels.name
        case Sort.EPOCH:
            return record.summary.epoch
        case Sort.BEST:
            return -1.0 if record.summary.best_accuracy is None else record.summary.best_accuracy
        case Sort.SECONDS:
            return record.summary.seconds
    return record.head[str(sort)]
