"""``nastui status``: what runs and waits now, and on which device."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nastui.cli.json_option import Json
from nastui.cli.selection import open_store

if TYPE_CHECKING:
    from runs.machine.devices import Gpu
    from runs.store.record import Record


def status(as_json: Json = False) -> None:
    """Show what runs and waits now, and on which device."""
    from nastui.cli import output
    from runs.fleet import forecast
    from runs.fleet.queueing import cpu_slots, ensure_dispatcher
    from runs.machine import cores, devices
    from runs.store import device_usage
    from runs.store.queue import Queue
    from runs.store.status import Status

    store = open_store()
    ensure_dispatcher(store.home)
    records, document, gpus = store.records(), Queue(store.home).read(), devices.gpus()
    by_id, known = {record.id: record for record in records}, forecast.durations(records)
    slots = cpu_slots(document)
    starts = forecast.starts(document, by_id, known, slots, [gpu.index for gpu in gpus])
    users = device_usage.users(records)
    of_run: dict[str, list[str]] = {}
    for device, runs in users.items():
        for run in runs:
            of_run.setdefault(run, []).append(device)
    running = [_running(record, of_run.get(record.id), known) for record in records if record.status.live]
    waiting = [
        {
            "place": place,
            **_described(entry.run, by_id.get(entry.run)),
            "device": entry.device,
            "held": entry.held,
            "reason": entry.reason,
            "starts_in": starts.get(entry.run),
        }
        for place, entry in enumerate(document.waiting, 1)
    ]
    waiting += [
        {
            "place": None,
            **_described(record.id, record),
            "device": record.head["device"],
            "held": False,
            "reason": record.job_text,
            "starts_in": None,
        }
        for record in records
        if record.is_in_slurm and record.status is Status.QUEUED  # the job of a run that has ended may end later
    ]
    if as_json:
        here = {"device": "cpu", "cores": cores.allowed(), "slots": slots, "runs": list(users.get("cpu", ()))}
        listed = [here, *(_gpu(gpu, users.get(f"cuda:{gpu.index}", ())) for gpu in gpus)]
        output.data({"running": running, "waiting": waiting, "devices": listed})
        return
    for gpu in gpus:
        sys.stdout.write(output.clean(_gpu_line(gpu)) + "\n")
    if gpus and (running or waiting):
        sys.stdout.write("\n")
    _print(running, waiting)
    output.send_due(store.home)


def _running(record: Record, devices: list[str] | None, known: dict[str, float]) -> dict[str, Any]:
    from runs.fleet.forecast import seconds_to_end

    left = seconds_to_end(record, known)
    return {
        **_described(record.id, record),
        "status": str(record.status),
        "stalled": record.stall and record.stall.to_json(),
        "devices": devices or [record.head["device"]],
        "here": devices is not None,
        "epoch": record.summary.epoch,
        "epochs": record.summary.epochs,
        "seconds_left": left if math.isfinite(left) else None,
    }


def _described(run: str, record: Record | None) -> dict[str, Any]:
    head = record.head if record else {}
    shown = {key: head.get(key) for key in ("kind", "method", "space", "dataset", "seed")}
    return {"id": run, "name": record.labels.name if record else "", **shown}


def _gpu(gpu: Gpu, runs: tuple[str, ...]) -> dict[str, Any]:
    shown = {"name": gpu.name, "memory_used": gpu.used, "memory": gpu.total, "busy": gpu.busy}
    return {"device": f"cuda:{gpu.index}", **shown, "runs": list(runs)}


def _gpu_line(gpu: Gpu) -> str:
    busy = "" if gpu.busy is None else f", {gpu.busy} % busy"
    return f"cuda:{gpu.index}  {gpu.name}, {gpu.used / 2**30:.1f} of {gpu.total / 2**30:.0f} GiB{busy}"


def _print(running: list[dict[str, Any]], waiting: list[dict[str, Any]]) -> None:
    from nastui.cli import output

    if not running and not waiting:
        output.say("Nothing runs or waits. Start a search: nastui search drnas --preset quick")
        return
    head = ["id", "method", "data", "seed"]
    if running:
        output.table(
            ["device", *head, "status", "epoch", "left", "name"],
            (
                [
                    " ".join(run["devices"]) + ("" if run["here"] else " elsewhere"),
                    *_words(run),
                    "stalled" if run["stalled"] else run["status"],
                    f"{run['epoch']}/{run['epochs'] or '?'}",
                    _time(run["seconds_left"]),
                    run["name"],
                ]
                for run in running
            ),
        )
    else:
        output.say("Nothing runs.")
    if waiting:
        sys.stdout.write("\n" if running else "")
        output.table(
            ["place", *head, "device", "starts in", "waits for"],
            (
                [run["place"] or "slurm", *_words(run), run["device"], _time(run["starts_in"]), run["reason"] or "-"]
                for run in waiting
            ),
        )


def _words(run: dict[str, Any]) -> list[str]:
    from runs.home import short_id

    data = Path(run["dataset"]).name if run["dataset"] else "-"
    return [short_id(run["id"]), str(run["method"] or "-"), data, "-" if run["seed"] is None else str(run["seed"])]


def _time(seconds: float | None) -> str:
    from runs.formatting import duration

    return "-" if seconds is None else duration(seconds)
