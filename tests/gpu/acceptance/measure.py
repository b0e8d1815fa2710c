"""Measures the steps of published configurations on one device, and prints one table.

Each case has a process of its own with a time limit, so that a failure does not stop the rest, and appends its results
to a JSONL file as they come. Data sets are noise of the same size, as in `nastui profile`.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from engine.assembly import assemble
from engine.spaces.darts import merging
from engine.tools import kernels, profiling
from runs import catalogue
from runs.catalogue import library
from runs.configuration import Draft, RunConfig, resolve

MEASURED_SECONDS = 1.0
CASE_SECONDS = 45
MOST_BESIDE_SECONDS = 90
BESIDE = (1, 2, 4, 8)
BESIDE_SECONDS = 6.0
_FIXED = {"batch_size": 64, "batch_size_max": 0}
_LAST_STAGE = _FIXED | {
    # One epoch of three steps for each stage, to reach the last one soon.
    "epochs": 11,
    "stage_epochs": "1,1,1,1,1,1,1,1,3",
    "stage_frozen_epochs": "0",
    "image_limit": 384,
}


@dataclass(frozen=True)
class Case:
    """What is measured: a preset, some options, and the stage at which a step is timed, from 0."""

    method: str
    preset: str
    space: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    stage: int = 0


CASES = {
    "drnas-201": Case("drnas", "paper", "nasbench201"),
    "drnas-201-k4": Case("drnas", "paper", "nasbench201", {"stage_partial": "4"}),
    "darts": Case("darts", "paper-first", "darts"),
    "pcdarts": Case("pcdarts", "paper", "darts"),
    "ista": Case("ista", "paper", "darts"),
    "retrain": Case("retrain", "drnas-cifar", "darts"),
    "prdarts-1": Case("prdarts", "paper", "prdarts", _FIXED),
    "prdarts-9": Case("prdarts", "paper", "prdarts", _LAST_STAGE, stage=8),
    "drnas-darts": Case("drnas", "paper", "darts"),
    "tenas-public": Case("tenas", "public", "nasbench201"),
}
# In this order, as the limit may end a case early.
VARIANTS = (
    {"cuda_graphs": "off"},
    {"cuda_graphs": "on"},
    {"cuda_graphs": "on", "precision": "bfloat16"},
    {"cuda_graphs": "off", "precision": "bfloat16"},
)
# Measured again with one convolution for each edge.
MERGING = ("darts", "pcdarts", "drnas-darts")
# For a rehearsal on the CPU.
TINY = {"channels": 12, "layers": 3, "cells": 1, "batch_size": 8, "image_size": 8, "image_limit": 96, "threads": 1}
TINY |= {"repeats": 1, "region_batches": 1, "region_samples": 50}


def configured(case: Case, device: str, variant: Mapping[str, Any]) -> RunConfig | None:
    """Return the configuration of a case; None if it lacks a setting that the variant changes."""
    method, space = catalogue.method(case.method), case.space or ""
    known = catalogue.options(method, catalogue.space(space)).model_fields
    tiny = {name: value for name, value in TINY.items() if name in known and device == "cpu"}
    changed = dict(variant)
    if device == "cpu" and variant["cuda_graphs"] == "on":
        changed["cuda_graphs"] = "auto"
    # A method without training steps has neither graphs nor a precision.
    if variant == VARIANTS[0] and "cuda_graphs" not in known:
        changed = {}
    if not changed.keys() <= known.keys():
        return None
    options = {**case.options, **tiny, **changed}
    if method.kind == "retrain":
        cell = library.typical(catalogue.space(space)).to_json()
        return resolve(Draft(method=case.method, genotype=cell, preset=case.preset, device=device, options=options))
    return resolve(Draft(method=case.method, space=space, preset=case.preset, device=device, options=options))


def name_of(variant: Mapping[str, Any]) -> str:
    """Return a variant in words."""
    return f"{'eager' if variant['cuda_graphs'] == 'off' else 'graph'} {variant.get('precision', 'float32')}"


# One case, in a process of its own ----------------------------------------------------------------------------------


def measure_case(name: str, device: str) -> Iterator[dict[str, Any]]:
    """Yield the results of a case, one for each variant."""
    if name == "machine":
        yield {"variant": "", **measured_machine(device)}
        return
    case = CASES[name]
    profiling.SECONDS = MEASURED_SECONDS
    profiling.noise = functools.cache(profiling.noise)
    for number, variant in enumerate(VARIANTS if name not in MERGING else (*VARIANTS, VARIANTS[1], VARIANTS[0])):
        per_edge = number >= len(VARIANTS)
        merging.DEVICES = set() if per_edge else {"cuda"}
        words = name_of(variant) + (" per edge" if per_edge else "")
        try:
            config = configured(case, device, variant)
            if config is None:
                continue
            if torch.cuda.is_initialized():
                torch.cuda.reset_peak_memory_stats()
            found = profiling.profile([config.model_dump_json(), "", str(case.stage)])
            yield {"variant": words, **found}
        except Exception as error:  # the other variants may work
            traceback.print_exc()
            yield {"variant": words, "error": f"{type(error).__name__}: {error}"[:300]}


def measured_machine(device: str) -> dict[str, Any]:
    """Return the figures of the device itself."""
    machine = kernels.measure(torch.device(device))
    card = torch.cuda.get_device_name() if device != "cpu" else "cpu"
    versions = {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return {
        "card": card,
        **versions,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "copy_bandwidth": machine.bandwidth,
        "node_seconds": machine.node_seconds,
        "launch_seconds": machine.launch_seconds,
    }


# Several searches on one device -------------------------------------------------------------------------------------


def work_beside_others(device: str) -> None:
    """Prepare a small search; for each number of seconds on standard input, search so long and print the steps."""
    config = configured(CASES["drnas-201"], device, VARIANTS[1]) or configured(CASES["drnas-201"], device, VARIANTS[0])
    assert config is not None
    options = {**config.options, "threads": 1, "epochs": 100}
    config = config.model_copy(update={"options": options})
    _, method = assemble(config, Path(), lambda event: None, profiling.NoiseImages(config))
    method.prepare()
    for _ in range(8):
        method.advance()
    print("ready", flush=True)
    for line in sys.stdin:
        began, steps = time.perf_counter(), 0
        while time.perf_counter() - began < float(line):
            method.advance()
            steps += 1
            if device != "cpu" and steps % 10 == 0:
                torch.cuda.synchronize()
        print(steps / (time.perf_counter() - began), flush=True)


def measure_beside(device: str, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield steps per second of all searches together, for growing numbers of them."""
    counts = BESIDE if device != "cpu" else BESIDE[:2]
    words = [sys.executable, "-P", "-m", "tests.gpu.acceptance.measure", "--device", device, "--beside"]
    members = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(counts[-1])
    ]
    try:
        if any(answer(member) != "ready" for member in members):
            yield {"variant": "", "error": "a search could not be prepared"}
            return
        for count in counts:
            for member in members[:count]:
                assert member.stdin is not None
                print(seconds, file=member.stdin, flush=True)
            rates = [float(answer(member)) for member in members[:count]]
            yield {"variant": f"{count} searches", "steps_per_second": sum(rates), "slowest": min(rates)}
    finally:
        for member in members:
            member.kill()
            member.wait()


def answer(member: subprocess.Popen[str]) -> str:
    """Return the next line of a process, or an empty string if it has ended."""
    assert member.stdout is not None
    return member.stdout.readline().strip()


# All cases ----------------------------------------------------------------------------------------------------------


def run_case(name: str, device: str, out: Path, seconds: float) -> None:
    """Measure a case in a process of its own, and record the reason if that fails."""
    words = [sys.executable, "-P", "-m", "tests.gpu.acceptance.measure", "--device", device, "--out", str(out)]
    try:
        done = subprocess.run([*words, "--case", name], timeout=seconds, check=False, capture_output=True, text=True)
        reason = "" if done.returncode == 0 else f"ended with {done.returncode}: {done.stderr[-1000:]}"
        sys.stderr.write(done.stderr[-2000:])
    except subprocess.TimeoutExpired:
        reason = f"stopped after {seconds:.0f} s"
    if reason:
        record(out, name, {"variant": "", "error": reason})


def record(out: Path, name: str, found: Mapping[str, Any]) -> None:
    """Append a result to the file."""
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"case": name, **found}) + "\n")


def table(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the results as text."""
    yield f"{'case':12} {'variant':23} {'step ms':>9} {'images/s':>9} {'kernels':>8} {'GB':>7} {'bound ms':>9} " + (
        f"{'share':>6} {'memory GB':>10} {'run min':>8}"
    )
    for line in lines:
        head = f"{line['case']:12} {line['variant']:23} "
        if "error" in line:
            yield head + str(line["error"]).splitlines()[-1][:100]
        elif line["case"] == "machine":
            yield head + (
                f"{line['card']}, torch {line['torch']}, copy {line['copy_bandwidth'] / 1e12:.2f} TB/s, "
                f"node {1e6 * line['node_seconds']:.2f} us, launch {1e6 * line['launch_seconds']:.2f} us"
            )
        elif line["case"] == "beside":
            yield head + f"{line['steps_per_second']:.1f} steps/s together, the slowest {line['slowest']:.1f}"
        else:
            yield head + (
                f"{shown(line, 'step_seconds', 1e3, 2):>9} {shown(line, 'images_per_second'):>9} "
                f"{shown(line, 'kernels'):>8} {shown(line, 'bytes_moved', 1e-9, 2):>7} "
                f"{shown(line, 'bound_seconds', 1e3, 2):>9} {shown(line, 'share_of_bound', 1, 2):>6} "
                f"{shown(line, 'memory', 1e-9, 2):>10} {shown(line, 'estimated_seconds', 1 / 60, 1):>8}"
            )


def shown(line: Mapping[str, Any], name: str, factor: float = 1, digits: int = 0) -> str:
    """Return a figure as text; a dash if it is missing."""
    value = line.get(name)
    return "-" if value is None else f"{value * factor:.{digits}f}"


def main() -> int:
    """Measure one case, work beside others, or run everything within the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--out", type=Path, default=Path("measurements.jsonl"))
    parser.add_argument("--limit", type=float, default=320.0, help="seconds for everything")
    parser.add_argument("--cases", default="", help="names of cases; default: machine, all of them, and beside")
    parser.add_argument("--case", default="", help="measure this case in this process")
    parser.add_argument("--beside", action="store_true", help="be one of several searches")
    options = parser.parse_args()
    if options.beside:
        work_beside_others(options.device)
        return 0
    if options.case:
        seconds = BESIDE_SECONDS if options.device != "cpu" else 2.0
        beside = options.case == "beside"
        results = measure_beside(options.device, seconds) if beside else measure_case(options.case, options.device)
        for found in results:
            record(options.out, options.case, found)
        return 0
    options.out.unlink(missing_ok=True)
    names = options.cases.split() or ["machine", *CASES, "beside"]
    until = time.monotonic() + options.limit
    for name in names:
        left = until - time.monotonic()
        if left < 10:
            record(options.out, name, {"variant": "", "error": "no time left"})
            continue
        longest = MOST_BESIDE_SECONDS if name == "beside" else CASE_SECONDS
        if options.device == "cpu":
            longest = options.limit
        run_case(name, options.device, options.out, min(left, longest))
    lines = [json.loads(line) for line in options.out.read_text(encoding="utf-8").splitlines()]
    print("\n".join(table(lines)))
    return 1 if any("error" in line for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
