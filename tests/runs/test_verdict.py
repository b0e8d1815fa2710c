"""The sentences with which a run ends."""

from __future__ import annotations

import dataclasses

import pytest

from runs.home import Home
from runs.store.run_store import RunStore
from runs.store.verdict import verdict
from tests.synthetic import make_run


@pytest.mark.parametrize(("kind", "what"), [("search", "search"), ("retrain", "retraining")])
def test_they_name_the_accuracy_the_rank_and_the_time(home: Home, kind: str, what: str) -> None:
    make_run(home.root)
    (record,) = RunStore(home).records()
    assert verdict(record) == ""
    summary = dataclasses.replace(
        record.summary,
        benchmark={"cifar10": {"test after 200 epochs": 93.46}},
        benchmark_rank={"cifar10": {"test after 200 epochs": 461}},
        benchmark_size=15_625,
        seconds=36.0,
    )
    ended = dataclasses.replace(record, head=record.head | {"kind": kind}, summary=summary)
    assert verdict(ended) == (
        "By the benchmark NAS-Bench-201 this cell reaches 93.46 % on CIFAR-10, rank 461 of 15,625. "
        f"The {what} took 36s."
    )
