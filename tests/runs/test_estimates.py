"""Estimates of a run's cost: from a similar run, else from a measurement, else none."""

from __future__ import annotations

import platform
from typing import Any

import pytest
from filelock import FileLock

from runs import catalogue
from runs.catalogue.genotype_text import parse_text
from runs.configuration import Draft, RunConfig, resolve
from runs.cost import measurements
from runs.cost.estimates import estimate
from runs.cost.measurements import Measurement, MeasurementTask
from runs.errors import BusyError, EnvironmentLacksError, UsageError
from runs.home import Home
from runs.log.event_log import EventLog
from runs.log.events import EpochEnded, Finished, Progress, Started
from runs.store.device_usage import users
from runs.store.labels import Labels
from runs.store.lock import engine_lock
from runs.store.run_store import RunStore

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|"


def wanted(method: str = "drnas", preset: str = "quick", **options: Any) -> RunConfig:
    return resolve(Draft(method=method, preset=preset, device="cpu", seed=9, options=options))


def past(home: Home, seconds: float, epochs: int, done: int, host: str | None = None, **options: Any) -> str:
    config = resolve(Draft(method="drnas", preset="quick", device="cpu", options={"epochs": epochs, **options}))
    paths = RunStore(home).create(config, Labels())
    paths.lock.touch()
    with EventLog(paths.events) as event_log:
        event_log.append(Started({"host": host or platform.node(), "device": "cpu", "device_name": "x"}))
        for epoch in range(1, done + 1):
            event_log.append(EpochEnded(epoch=epoch, epochs=epochs, seconds=seconds))
            event_log.append(Progress(epoch, epochs, 1, 2, memory=10**8 * epoch))
        if done == epochs:
            event_log.append(Finished())
    return config.id


def figure(config: RunConfig, seconds: float = 60.0, **changes: Any) -> Measurement:
    names = ("method", "space", "preset", "dataset", "device", "options", "genotype")
    told = {name: getattr(config, name) for name in names} | {
        "device_name": "x86_64",
        "host": platform.node(),
        "threads": 1,
        "measured": "2026-11-20T10:00:00+00:00",
        "units": 9,
        "unit_seconds": 0.1,
        "images_per_second": 500.0,
        "units_per_epoch": 20,
        "epochs": config.options.get("epochs", 3),
        "estimated_seconds": seconds,
        "memory": 5 * 10**8,
        "stored": 3 * 10**6,
        "start_seconds": 1.0,
    }
    return Measurement.model_validate(told | changes)


def test_a_run_that_differs_in_nothing_that_costs_tells(home: Home) -> None:
    past(home, 7.0, 10, 10, channels=4)
    past(home, 8.0, 10, 10, host="elsewhere")
    done = past(home, 2.0, 10, 10, learning_rate=0.1)
    past(home, 3.0, 10, 4)
    records = RunStore(home).records()
    found = estimate(wanted(epochs=30), "", records, [figure(wanted(epochs=30))])
    assert found is not None
    assert (found.seconds, found.memory, found.run, found.caveats) == (60.0, 10**9, done, ())
    assert found.stored and found.stored > 1000
    # An unfinished run is used if there is no other, and the estimate says so.
    found = estimate(wanted(epochs=30), "", [record for record in records if record.id != done], [])
    assert found is not None
    assert (found.seconds, found.caveats) == (90.0, ("its first 4 of 10 epochs",))
    assert estimate(wanted(batch_size=32), "", records, []) is None


def test_a_figure_stands_for_its_configuration_and_for_other_epochs() -> None:
    config = wanted()
    known = [figure(config, 60.0, stages=3), figure(wanted(channels=4), 5.0), figure(config, 1.0, host="elsewhere")]
    found = estimate(config, "", [], known)
    assert found is not None
    assert (found.seconds, found.stored, found.caveats) == (60.0, 3 * 10**6, ("by the first of 3 stages",))
    twice = estimate(wanted(epochs=60), "", [], known)
    assert twice is not None and twice.seconds == 120.0
    same = estimate(wanted(weight_decay=0.1, checkpoint_seconds=9.0), "", [], known)
    assert same is not None and same.caveats == found.caveats
    other = estimate(wanted(batch_size=32, epochs=60), "", [], known)
    assert other is not None
    assert (other.seconds, other.caveats[0]) == (60.0, "for the preset as it is")
    assert estimate(wanted("snas"), "", [], known) is None
    assert estimate(config, "", [], known[1:]) is None


def test_a_hyperparameter_that_an_older_version_did_not_have_is_worth_its_default() -> None:
    config = wanted()
    older = {name: value for name, value in config.options.items() if name != "deterministic"}
    known = [figure(config.model_copy(update={"options": older}), 60.0)]
    found = estimate(config, "", [], known)
    assert found is not None and not found.caveats
    other = estimate(wanted(deterministic=False), "", [], known)
    assert other is not None and other.caveats == ("for the preset as it is",)


def test_gpus_of_one_name_stand_for_each_other() -> None:
    config = wanted()
    there = config.model_copy(update={"device": "cuda:1"})
    known = [figure(config, device="cuda:0", device_name="H200", busy=True)]
    found = estimate(there, "H200", [], known)
    assert found is not None
    assert (found.device, found.caveats) == ("cuda:1", ("while cuda:0 was busy",))
    assert estimate(there, "RTX 4090", [], known) is None
    assert estimate(config, "", [], known) is None


def test_another_cell_is_said_to_be_another() -> None:
    draft = Draft(method="retrain", preset="nasbench201-quick", device="cpu", genotype=parse_text(CELL).to_json())
    method = catalogue.method("retrain")
    preset = next(entry for entry in method.presets if entry.space == "nasbench201")
    typical = measurements.representative(method, preset, "cpu")
    mine = resolve(draft.model_copy(update={"preset": preset.name}))
    found = estimate(mine, "", [], [figure(typical)])
    assert found is not None and found.caveats == ("with another cell",)
    found = estimate(mine, "", [], [figure(typical), figure(mine, 9.0)])
    assert found is not None and (found.seconds, found.caveats) == (9.0, ())


def test_figures_are_kept_once_each_and_damage_is_no_fault(home: Home) -> None:
    assert measurements.read(home) == []
    first, other = figure(wanted()), figure(wanted(channels=4))
    for one in (first, other, figure(wanted(), 61.0, measured="2026-11-21T10:00:00+00:00")):
        measurements.keep(home, one)
    assert [one.estimated_seconds for one in measurements.read(home)] == [61.0, 60.0]
    raw = home.measurements.read_text()
    home.measurements.write_text(raw.replace('"figures": [', '"figures": [7, {"method": "x"}, '))
    assert len(measurements.read(home)) == 2
    for damage in ("{", "[]", '{"figures": 3}', "[" * 100_000):
        home.measurements.write_text(damage)
        assert measurements.read(home) == []
    measurements.keep(home, first)
    assert measurements.read(home) == [first]


def test_a_home_that_takes_no_figure_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.root.write_text("a file")
    with pytest.raises(EnvironmentLacksError, match=r"cannot be kept.*--home"):
        measurements.keep(home, figure(wanted()))
    home.root.unlink()
    home.root.mkdir()
    monkeypatch.setattr(measurements, "_PATIENCE_SECONDS", 0.05)
    with FileLock(home.index_lock), pytest.raises(BusyError, match="measurement was not kept"):
        measurements.keep(home, figure(wanted()))


def test_what_asks_a_table_cannot_be_measured(home: Home) -> None:
    with pytest.raises(UsageError, match="only looks up a table"):
        MeasurementTask(wanted("random_search"), home).result()


def test_who_computes_where(home: Home) -> None:
    store = RunStore(home)
    paths = [store.create(wanted(), Labels()) for _ in range(3)]
    two = resolve(Draft(method="retrain", genotype=parse_text(CELL).to_json(), device="cpu", options={"gpus": 2}))
    paths.append(store.create(two.model_copy(update={"device": "cuda:1"}), Labels()))
    with engine_lock(paths[0].lock), engine_lock(paths[3].lock):
        found = users(store.records())
    assert found == {device: (paths[place].root.name,) for device, place in (("cpu", 0), ("cuda:1", 3), ("cuda:2", 3))}
