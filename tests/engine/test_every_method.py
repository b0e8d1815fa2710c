"""Every method of the catalogue, in each of its spaces: a search that is killed resumes exactly.

Parametrised over the catalogue, so a new method is tested without a new test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.assembly import assemble
from engine.core import checkpoint
from engine.method import Context, EpochReport, Method
from runs import catalogue
from runs.configuration import Draft, RunConfig, resolve
from runs.log.events import Entry, EpochEnded, encode
from tests.engine.conftest import check_same_state
from tests.engine.small_runs import SMALL, without_clocks

CASES = [
    pytest.param(method.name, space, id=f"{method.name}-{space}")
    for method in catalogue.methods().values()
    for space in method.spaces
    # tests/engine/test_black_box_search.py covers searches on a table.
    if not method.asks_table(catalogue.preset(method, space, "quick").values)
    # It has hundreds of candidates; tests/engine/test_tenas_search.py covers this pair.
    if (method.name, space) != ("tenas", "darts")
]
# Where they resume from every kind of stage, too.
RESUMED_ELSEWHERE = {
    "drnas-darts": "tests/engine/test_stages.py",
    "pdarts-darts": "tests/engine/test_pdarts.py",
    "prdarts-prdarts": "tests/engine/test_prdarts_search.py",
}


def configured(method: str, space: str, device: str = "cpu") -> RunConfig:
    known = catalogue.options(catalogue.method(method), catalogue.space(space)).model_fields
    options = {key: value for key, value in SMALL.items() if key in known}
    return resolve(Draft(method=method, space=space, preset="quick", device=device, options=options))


def begin(config: RunConfig) -> tuple[Context, Method]:
    torch.set_num_threads(1)
    return assemble(config, Path(), lambda event: None)


def line(report: EpochReport) -> str:
    """Return the line that a log would have for a report."""
    ended = EpochEnded(
        metrics=report.metrics,
        learning_rates=report.learning_rates,
        architecture=report.architecture,
        genotype=report.genotype.to_json(),
        extras=without_clocks(report.extras),
    )
    return encode(Entry(0.0, 1, ended))


def work(method: Method, units: int | None = None) -> list[str]:
    """Do some units of work, or all that are left; return the report of each complete epoch."""
    said = []
    while method.epoch < method.epochs and units != 0:
        report = method.advance()
        if report is not None:
            said.append(line(report))
        units = None if units is None else units - 1
    return said


@pytest.mark.parametrize(("name", "space"), [case for case in CASES if case.id not in RESUMED_ELSEWHERE])
def test_it_goes_on_where_it_was_killed(name: str, space: str, tmp_path: Path) -> None:
    check_resuming(configured(name, space), tmp_path / "checkpoint.pt")


def check_resuming(config: RunConfig, file: Path) -> None:
    """Check that a run that is killed in its second epoch resumes with the same bits.

    The run that saves goes on, in place of another one that is not killed: two begin with the same state, and saving
    does not change it.
    """
    context, method = begin(config)
    method.prepare()
    beginning = state(context, method)
    context, whole = begin(config)
    whole.prepare()
    check_same_state(state(context, whole), beginning)
    del method, beginning
    # Kill in the second epoch, so that optimisers have momentum. Methods differ by a batch, as a kill can come at any
    # time.
    said: list[str] = []
    while whole.epoch < 1:
        said += work(whole, 1)
    said += work(whole, 1 + len(config.method) % 2)
    checkpoint.save(file, config.id, state(context, whole))
    saved = checkpoint.load(file, config.id)
    assert saved is not None
    check_same_state(state(context, whole), saved)
    expected = work(whole)
    assert len(said + expected) == whole.epochs

    context, method = begin(config)
    method.load(saved["method"])
    context.runtime.load(saved["runtime"])
    assert work(method) == expected
    assert method.weights().keys() == whole.weights().keys()
    for tensor, other in zip(method.weights().values(), whole.weights().values(), strict=True):
        assert torch.equal(tensor, other)


def state(context: Context, method: Method) -> dict[str, Any]:
    """Return what a checkpoint would have now."""
    return {"method": method.state(), "runtime": context.runtime.state()}
