"""``nastui runs``: list, follow, stop, resume, compare, label and remove runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nastui.cli import bulk, completion, run_files
from nastui.cli.command_help import Commands
from nastui.cli.selection import Run, Where
from runs.errors import UsageError
from runs.formatting import duration
from runs.home import short_id

if TYPE_CHECKING:
    from runs.store.record import Record
    from runs.store.run_store import RunStore

app = Commands(help="List, follow, stop, resume, compare and remove runs.", no_args_is_help=True)

LOOK, CONTROL, KEEP = "Look", "Control", "Label, keep and remove"

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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


@app.command("list", rich_help_panel=LOOK)
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
    from nastui.cli import grouping, listing, output
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
    store = _store()
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


@app.command(rich_help_panel=LOOK)
def show(run: Run, as_json: Json = False) -> None:
    """Show a run: status, metrics, genotype, settings and files.

    The last line is the command that repeats the run.
    """
    from nastui.cli import output
    from nastui.cli.listing import document
    from runs.catalogue.genotype_text import text_of_json
    from runs.configuration import IMPORTED, RunConfig
    from runs.fleet.queueing import waits
    from runs.genotypes.costs import COUNTER
    from runs.log.event_log import first_event
    from runs.log.events import Started
    from runs.slurm.submission import refresh
    from runs.store.find_genotype import variants
    from runs.store.queue import Queue
    from runs.store.verdict import worth

    store = _store()
    refresh(store.home)
    record = store.find(run)
    config = RunConfig.read(record.paths.config)
    wait = waits(Queue(store.home).read()).get(record.id)
    content = document(record, wait)
    started = first_event(record.paths.events)
    environment = started.environment if isinstance(started, Started) else {}
    chosen = {name: environment.get(name) for name in ("threads", "threads_reason")}
    if chosen["threads_reason"] and config.device == "cpu":
        # Results depend on the number, and another time the engine might choose another one.
        content["command"] += f" --set threads={chosen['threads']}"
    if as_json:
        output.data(content | chosen | {"configuration": config.model_dump(mode="json")})
        return
    stall = record.stall and record.stall.description()
    genotype = content["genotype"] and text_of_json(content["genotype"])
    threads = f"{chosen['threads']} ({chosen['threads_reason']})" if chosen["threads_reason"] else chosen["threads"]
    further: Iterable[str] = ()
    try:
        further = variants(record)
    except UsageError as error:
        output.warn(str(error))
    output.fields(
        [
            *((key, content[key]) for key in ("id", "name", "note")),
            ("status", record.shown_status),
            ("stalled", stall),
            *((key, content[key]) for key in ("problem", "hint", "method", "space")),
            *((key, content[key]) for key in ("dataset", "preset", "seed", "device", "created", "started", "ended")),
            ("waits", wait and str(wait)),
            ("stopped early", record.summary.early_stop),
            ("stop when", config.stop_when),
            ("slurm", record.job and _job(record)),
            ("threads", threads),
            ("imported from" if config.kind == IMPORTED else "retrains", record.origin),
            ("tags", " ".join(content["tags"])),
            ("epoch", f"{content['epoch']}/{content['epochs'] or '?'}"),
            ("time", duration(content["seconds"])),
            ("metrics", _figures(content["metrics"])),
            ("best", _figures(content["best"])),
            ("genotype", genotype),
            ("further cells", ", ".join(f"{record.id}:{name}" for name in further)),
            *((f"table {dataset}", _figures(splits)) for dataset, splits in content["benchmark"].items()),
            ("worth", worth(record)),
            ("parameters", content["parameters"] and f"{content['parameters']:,} ({content['network']})"),
            ("macs", content["macs"] and f"{content['macs']:,} ({COUNTER})"),
            ("settings", ", ".join(f"{key}={value}" for key, value in config.options.items())),
            ("files", content["path"]),
            ("repeat", content["command"]),
        ]
    )


@app.command(rich_help_panel=LOOK)
def events(
    run: Run,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep printing new events until the engine exits.")
    ] = False,
    kind: Annotated[str | None, typer.Option("--type", help="Print only events of this type.")] = None,
    as_json: Json = False,
) -> None:
    """Print the event log of a run, one event per line."""
    import datetime
    import time

    from nastui.cli import output
    from nastui.cli.following import LOOK_SECONDS, event_line
    from runs.errors import closest
    from runs.log.event_log import EventLogReader
    from runs.log.events import EVENT_TYPES, printed

    if kind is not None and kind not in EVENT_TYPES:
        raise UsageError(f"Unknown event type '{kind[:80]}'.", closest(kind, EVENT_TYPES))
    store = _store()
    paths = store.find(run).paths
    reader = EventLogReader(paths.events)
    while True:
        live = store.find(paths.root.name).status.live
        for entry in reader.read():
            raw = printed(entry)
            if kind is not None and raw["type"] != kind:
                continue
            if as_json:
                output.line(raw)
            else:
                clock = datetime.datetime.fromtimestamp(entry.time).strftime("%H:%M:%S")
                sys.stdout.write(output.clean(f"{clock}  {raw['type']:<10}  {event_line(entry.event)}".rstrip()) + "\n")
        if not follow or not live:
            break
        time.sleep(LOOK_SECONDS)
    if reader.malformed:
        output.warn(f"Skipped {reader.malformed} lines of '{paths.events}' that are not valid events.")


@app.command(rich_help_panel=LOOK)
def follow(
    run: Run,
    plain: Annotated[bool, typer.Option("--plain", help="Print lines only, without a progress bar.")] = False,
    as_json: Json = False,
) -> None:
    """Follow a run to its end, one line per epoch.

    The exit code is the run's. Ctrl+C stops following; the run continues.
    """
    from nastui.cli.following import follow_run

    store = _store()
    raise typer.Exit(follow_run(store, store.find(run).id, as_json=as_json, plain=plain))


@app.command(rich_help_panel=CONTROL)
def kill(run: Run) -> None:
    """Kill the engine of a stalled run, with all its helpers.

    Without a checkpoint: `nastui runs resume` continues from the last one. To stop a run that answers, use `runs stop`.
    """
    from nastui.cli import output
    from runs.supervision import stopping

    record = _store().find(run)
    output.say(f"{short_id(record.id)} is {stopping.kill(record)}.")


@app.command(rich_help_panel=LOOK)
def inspect(run: Run, as_json: Json = False) -> None:
    """Inspect the engine of a run: last progress, processes, Python stacks.

    The stacks are also kept in the folder of the run.
    """
    from nastui.cli import output
    from runs.supervision.inspection import inspect as inspected

    record = _store().find(run)
    found = inspected(record)
    if as_json:
        output.data(
            {
                "id": record.id,
                "status": record.status,
                "stalled": record.stall and record.stall.to_json(),
                **found.to_json(),
            }
        )
        return
    last = found.activity
    output.fields(
        [
            ("id", record.id),
            ("status", record.shown_status),
            ("does", last and last.description()),
            ("since", last and f"{duration(found.seconds)} ago"),
            ("usually", None if last is None or last.usual is None else f"{last.usual:.3g} s"),
            ("stalled after", last and duration(last.limit)),
        ]
    )
    if found.processes:
        sys.stdout.write("\n")
        output.table(
            ["pid", "state", "cpu", "memory", "threads", "command"],
            (
                [f.pid, f.doing, duration(f.cpu_seconds), f"{f.memory / 1e6:.0f} MB", f.threads or "-", f.command]
                for f in found.processes
            ),
        )
    for name, text in found.stacks.items():
        sys.stdout.write(output.clean(f"\n{name}\n{text}\n"))
    for remark in found.remarks:
        output.warn(remark)


@app.command(rich_help_panel=CONTROL)
def checkpoint(run: Run) -> None:
    """Write a checkpoint of a running run now."""
    from nastui.cli import output
    from runs.supervision import engine_requests

    record = _store().find(run)
    engine_requests.checkpoint(record)
    output.say(f"Requested a checkpoint of {short_id(record.id)}.")


@app.command(rich_help_panel=CONTROL)
def ask(
    run: Run,
    request: Annotated[
        str, typer.Argument(help="A request that the method supports, such as `more-draws`: see `nastui methods NAME`.")
    ],
) -> None:
    """Send a method's own request to a running search."""
    from nastui.cli import output
    from runs.supervision import engine_requests

    record = _store().find(run)
    engine_requests.ask(record, request)
    output.say(f"Sent the request '{request}' to {short_id(record.id)}.")


@app.command(rich_help_panel=LOOK)
def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN RUN...", help="Two or more runs.", autocompletion=completion.runs),
    ],
    with_published: Annotated[
        bool, typer.Option("--with-published", help="Add published results for the same space and data set.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare runs: what differs, and statistics over seeds.

    Runs that differ only in their seeds are summarised by mean and standard deviation.
    """
    from nastui.cli import output
    from nastui.cli.published import described, printed
    from runs.benchmarks.published import beside
    from runs.store.compare import compare as compared
    from runs.store.compare import ranking_rows, table
    from runs.store.groups import Spread

    if len(runs) < 2:
        raise UsageError(f"compare needs at least two runs, got {len(runs)}.", "See `nastui runs list`.")
    store = _store()
    records = _distinct(store, runs)
    if len(records) < 2:
        raise UsageError(f"compare needs at least two runs, got '{short_id(records[0].id)}' only.", "Name another one.")
    content = compared(records)
    references = beside({(run["space"], run["dataset"]) for run in content["runs"]}) if with_published else []
    if as_json:
        output.data(content | ({"published": described(references)} if with_published else {}))
        return
    names = {record["id"]: short_id(record["id"]) for record in content["runs"]}
    for remark in content["remarks"]:
        output.warn(remark)
    output.table(["", *names.values()], table(content))
    for group in content["groups"]:
        if len(group["runs"]) > 1:
            figures = ", ".join(
                f"{name} {Spread(**spread).text(len(group['runs']))}" for name, spread in group["best"].items()
            )
            sys.stdout.write(f"{len(group['runs'])} seeds ({', '.join(map(str, group['seeds']))}): {figures}\n")
    if len(content["ranking"]) > 1:
        sys.stdout.write("\n")
        metric = content["ranking"][0]["metric"]
        output.table(["", "runs", "", f"best {metric}"], ranking_rows(content["ranking"], names))
    if with_published:
        printed(references)


@app.command(rich_help_panel=KEEP)
def note(run: Run, text: Annotated[str, typer.Argument(help="The note; an empty text removes it.")]) -> None:
    """Attach a note to a run."""
    _label(run, lambda labels: setattr(labels, "note", text))


@app.command(rich_help_panel=KEEP)
def rename(run: Run, name: Annotated[str, typer.Argument(help="The name; an empty text removes it.")]) -> None:
    """Name a run, or remove its name."""
    _label(run, lambda labels: setattr(labels, "name", name))


@app.command(rich_help_panel=KEEP)
def restore(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="The removed run's id, or a unique prefix of it.",
            autocompletion=completion.removed_runs,
        ),
    ],
) -> None:
    """Bring a removed run back from the trash."""
    from nastui.cli import output
    from runs.fleet import sweep_trash
    from runs.fleet.sweep_store import SweepStore

    output.say(f"Restored {sweep_trash.restore_run(SweepStore(_store()), run).root.name}.")


@app.command(rich_help_panel=KEEP)
def reindex() -> None:
    """Rebuild the index of runs from their directories."""
    from nastui.cli import output

    store = _store()
    output.say(f"Indexed {store.reindex()} runs.")
    for name, fault in store.unreadable.items():
        output.warn(f"Skipped {name}: {fault}")


app.command("log", rich_help_panel=LOOK)(run_files.log)
app.command("path", rich_help_panel=LOOK)(run_files.path)
app.command("stop", rich_help_panel=CONTROL)(bulk.stop)
app.command("pause", rich_help_panel=CONTROL)(bulk.pause)
app.command("resume", rich_help_panel=CONTROL)(bulk.resume)
app.command("tag", rich_help_panel=KEEP)(bulk.tag)
app.command("export", rich_help_panel=KEEP)(bulk.export)
app.command("rm", rich_help_panel=KEEP)(bulk.remove)
app.command("empty-trash", rich_help_panel=KEEP)(run_files.empty_trash)


def _store() -> RunStore:
    from runs.home import Home
    from runs.store.run_store import RunStore

    return RunStore(Home.locate())


def _distinct(store: RunStore, names: list[str]) -> list[Record]:
    """Return the runs of these names; a run that is named twice, once."""
    return list({record.id: record for record in map(store.find, names)}.values())


def _label(run: str, change: Any) -> None:
    from nastui.cli import output

    store = _store()
    output.say(bulk.labelled(store, store.find(run), change))


def _job(record: Record) -> str:
    """Return the job of a run, in what state it is, and where the output of its setup lines is."""
    from runs.home import Home
    from runs.store.slurm_jobs import output_of

    job = record.job
    if job is None:
        return ""
    state = f" {job.ending}" if job.ended else f": {record.job_text or 'running'}"
    return f"job {job.job_id or job.submission}{state}; output in {output_of(Home.locate(), job)}"


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


def _figures(named: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in named.items())
