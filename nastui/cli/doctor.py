"""``nastui doctor``: what works on this machine, what is missing, and how to get it."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from nastui.cli.json_option import Json

if TYPE_CHECKING:
    from runs.home import Home


@dataclass(frozen=True)
class Finding:
    """The result of one check; ``advice`` is empty unless there is something to do."""

    area: str
    name: str
    value: str
    good: bool = True
    advice: str = ""


def doctor(as_json: Json = False) -> None:
    """Check versions, GPUs, terminal, store, Slurm and data sets.

    The exit code is 5 if a search could not run on this machine.
    """
    from nastui.cli import output

    findings = [
        *_versions(),
        *_engine(),
        *_gpus(),
        *_terminal(),
        *_store(),
        *_slurm(),
        *_notifications(),
        *_tables(),
        *_datasets(),
    ]
    if as_json:
        output.data({"findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            mark = "ok " if finding.good else "NO "
            advice = f"  →  {finding.advice}" if finding.advice else ""
            line = f"{mark} {finding.area:<9} {finding.name:<14} {finding.value}{advice}"
            sys.stdout.write(output.clean(line) + "\n")
    if not all(finding.good for finding in findings):
        raise typer.Exit(5)


def _versions() -> list[Finding]:
    import importlib.metadata
    import platform

    import nastui

    found = [
        Finding("versions", "nastui", nastui.__version__),
        Finding("versions", "python", platform.python_version()),
    ]
    found += _packages()
    for package in ("torch", "torchvision", "textual", "typer", "tinydb"):
        try:
            found.append(Finding("versions", package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            found.append(Finding("versions", package, "not installed", False, f"pip install {package}"))
    return found


def _packages() -> list[Finding]:
    """Whether other distributions share the environment's folders `engine`, `runs` and `screens`."""
    import nastui_start

    advice = "Install nastui in an environment of its own: uv tool install nastui, or pipx install nastui."
    if files := nastui_start.damage():
        more = f" and {len(files) - 1} more files were" if files[1:] else " was"
        what = f"'{files[0]}'{more} replaced or removed"
        by = f"; by '{', '.join(names)}'" if (names := nastui_start.others()) else ""
        return [Finding("versions", "packages", what + by, True, advice)]
    if names := nastui_start.others():
        return [Finding("versions", "packages", f"shared with '{', '.join(names)}'", True, advice)]
    return [Finding("versions", "packages", f"one set in '{nastui_start.FOLDER}'")]


def _engine() -> list[Finding]:
    from runs.errors import NastuiError
    from runs.subprocess_task import run_task

    try:
        seen = run_task("engine.tools.probe")
    except NastuiError as error:
        return [Finding("engine", "torch", str(error), False, "Reinstall nastui in an environment of its own.")]
    cuda = f"CUDA {seen['cuda']}, {seen['gpus']} GPUs usable" if seen["gpus"] else "no CUDA device; runs use the CPU"
    return [
        Finding("engine", "torch", f"{seen['torch']} imports in {seen['seconds']:.1f} s"),
        Finding("engine", "devices", cuda),
        Finding("engine", "threads", str(seen["threads"])),
    ]


def _gpus() -> list[Finding]:
    from runs.machine.devices import gpus

    found = []
    for gpu in gpus():
        memory = f"{gpu.used / 2**30:.1f} of {gpu.total / 2**30:.0f} GiB"
        busy = "" if gpu.busy is None else f", {gpu.busy} % busy"
        found.append(Finding("gpu", f"cuda:{gpu.index}", f"{gpu.name}, {memory}{busy}"))
    return found


def _terminal() -> list[Finding]:
    import os
    import shutil

    from nastui.cli import output

    size = shutil.get_terminal_size()
    encoding = sys.stdout.encoding or "unknown"
    colour = "off (NO_COLOR)" if os.environ.get("NO_COLOR") else os.environ.get("COLORTERM", "by TERM")
    return [
        Finding("terminal", "TERM", os.environ.get("TERM", "not set")),
        Finding("terminal", "size", f"{size.columns} x {size.lines}", advice=_size_advice(size.columns, size.lines)),
        Finding("terminal", "colour", colour),
        Finding("terminal", "encoding", encoding, advice="" if output.is_utf8() else "export LC_ALL=C.UTF-8"),
    ]


def _size_advice(columns: int, lines: int) -> str:
    return "" if columns >= 80 and lines >= 24 else "The dashboard needs at least 80 x 24 to show everything."


def _store() -> list[Finding]:
    import shutil

    from runs.errors import NastuiError
    from runs.home import Home
    from runs.store.run_store import RunStore

    home = Home.locate()
    try:
        home.prepare()
        store = RunStore(home)
        count = len(store.records())
        free = shutil.disk_usage(home.root).free / 2**30
    except NastuiError as error:
        return [Finding("store", "home", error.message, False, error.hint)]
    except OSError as error:
        return [Finding("store", "home", str(error), False, "Name another folder with --home or NASTUI_HOME.")]
    found = [Finding("store", "home", f"{home.root}, {free:.0f} GiB free"), Finding("store", "runs", str(count))]
    found.append(_locks(home))
    for name, fault in store.unreadable.items():
        found.append(Finding("store", name, fault, True, f"Repair it, or move '{home.runs / name}' away."))
    return found


def _locks(home: Home) -> Finding:
    """Whether the home's file system has locks; without them, files and heartbeats take their place."""
    import secrets

    from runs.files import new_file
    from runs.store.lock import kernel_locks

    probe = home.root / f".lock-probe-{secrets.token_hex(6)}"
    try:
        new_file(probe).close()
        if kernel_locks(probe):
            return Finding("store", "locks", "flock")
    except OSError as error:
        advice = "Name another folder with --home or NASTUI_HOME."
        return Finding("store", "locks", f"cannot be tested: {error.strerror}", False, advice)
    finally:
        probe.unlink(missing_ok=True)
    without = "this file system has none; engines are known by their processes, and from other hosts by a heartbeat"
    return Finding("store", "locks", without)


def _slurm() -> list[Finding]:
    """Whether jobs can be submitted from here, and which profiles are sound. A machine without Slurm is sound, too."""
    from runs.errors import NastuiError
    from runs.home import Home
    from runs.slurm import cluster as clusters
    from runs.slurm.profile import EXAMPLE, checked, sections

    file, cluster = Home.locate().configuration, clusters.look()
    advice = ""
    if "sbatch" in cluster.missing:
        what = "sbatch not found: no Slurm on this machine"
    elif cluster.missing:
        what = f"sbatch found, {', '.join(cluster.missing)} not found"
        advice = "Runs need all four commands of Slurm: sbatch, squeue, scancel and scontrol."
    else:
        what = ", ".join(filter(None, ["sbatch and squeue found", cluster.version]))
    if cluster.fault:
        what += f"; {cluster.fault}"
    found = [Finding("slurm", "commands", what, advice=advice)]
    try:
        profiles = sections(file)
    except NastuiError as error:
        return [*found, Finding("slurm", "profiles", error.message, advice=error.hint)]
    if not profiles:
        advice = "" if "sbatch" in cluster.missing else EXAMPLE
        return [*found, Finding("slurm", "profiles", "none configured", advice=advice)]
    sound, faults = [], []
    for name, values in profiles.items():
        try:
            profile = checked(name, values, file)
            clusters.check_partition(profile, cluster)
        except NastuiError as error:
            faults.append(str(error))
            continue
        default = f"{cluster.default}, the default" if cluster.default else "not named"
        sound.append(f"{name} (partition {profile.partition or default})")
    checked_how = "sound" if cluster.partitions else "not checked by Slurm"
    text = " ".join([f"{checked_how}: {', '.join(sound)}." if sound else "none is sound.", *faults])
    return [*found, Finding("slurm", "profiles", text, advice=f"Correct '{file}'." if faults else "")]


def _notifications() -> list[Finding]:
    from runs.errors import NastuiError
    from runs.home import Home
    from runs.notify import settings
    from runs.notify.channels import channels

    try:
        chosen = settings.read(Home.locate())
    except NastuiError as error:
        return [Finding("notify", "settings", error.message, False, error.hint)]
    names = [channel.name for channel in channels(chosen)] + (["desktop"] if chosen.desktop else [])
    advice = "Try them: nastui notify test" if names else ""
    return [Finding("notify", "channels", ", ".join(names) or "none configured", advice=advice)]


def _tables() -> list[Finding]:
    from runs.benchmarks import store
    from runs.home import Home

    home = Home.locate()
    found = []
    for table in store.tables(home):
        datasets = ", ".join(dict.fromkeys(column.dataset for column in table.columns))
        found.append(Finding("tables", table.name, f"{len(table):,} architectures of {table.space}: {datasets}"))
    for name, fault in store.damaged(home).items():
        found.append(Finding("tables", name, str(fault), True, f"Import it again, or: nastui benchmark rm {name}"))
    return found


def _datasets() -> list[Finding]:
    from runs import catalogue
    from runs.home import Home
    from runs.store.datasets import is_here

    home = Home.locate()
    found = []
    for entry in catalogue.datasets().values():
        here = is_here(entry, home)
        state = "available" if here else "not available"
        found.append(Finding("data", entry.name, state, True, "" if here else entry.obtain))
    return found
