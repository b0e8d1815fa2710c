"""``nastui runs show``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nastui.cli.json_option import Json
from nastui.cli.selection import Run, open_store
from runs.errors import UsageError
from runs.formatting import duration

if TYPE_CHECKING:
    from runs.store.record import Record


def show(run: Run, as_json: Json = False) -> None:
    """Show a run: status, metrics, genotype, settings and files.

    The last line is the command that repeats the run.
    """
    from nastui.cli import output
    from nastui.cli.runs.listing import document
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

    store = open_store()
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


def _job(record: Record) -> str:
    """Return the job of a run, in what state it is, and where the output of its setup lines is."""
    from runs.home import Home
    from runs.store.slurm_jobs import output_of

    job = record.job
    if job is None:
        return ""
    state = f" {job.ending}" if job.ended else f": {record.job_text or 'running'}"
    return f"job {job.job_id or job.submission}{state}; output in {output_of(Home.locate(), job)}"


def _figures(named: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in named.items())
