"""Sweeps that tests make, without engines."""

from __future__ import annotations

from pathlib import Path

from runs.configuration import Draft
from runs.fleet import sweep_planning
from runs.fleet.sweep import Sweep
from runs.fleet.sweep_store import SweepStore
from runs.home import Home
from runs.store.run_store import RunStore

DRAFT = Draft(method="drnas", preset="quick")


def sweeps_of(home: Home) -> SweepStore:
    return SweepStore(RunStore(home))


def created(home: Home, seeds: int = 3) -> Sweep:
    return sweeps_of(home).create(planned(home, seeds))


def planned(home: Home, seeds: int) -> sweep_planning.Plan:
    return sweep_planning.plan(RunStore(home), DRAFT, range(seeds), {})


def runs(home: Home) -> set[str]:
    """The folders of runs, whatever is in them."""
    return {path.name for path in home.runs.iterdir()}


def document(home: Home, sweep: Sweep) -> Path:
    return home.sweeps / sweep.id / "sweep.json"
