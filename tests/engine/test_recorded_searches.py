"""Searches whose steps are recorded, as a CUDA graph records them, train as before. All of it on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.assembly import assemble
from engine.method import EpochReport
from engine.methods.ista.sparse_coding import recovery
from engine.search.loop import DifferentiableSearch
from runs import catalogue
from runs.configuration import Draft, resolve
from runs.log.events import Event, Warned
from tests.engine.conftest import Bench, check_resumes, same
from tests.engine.tape import FIRST, NEXT, TapeRecorder, prepare_as_on_a_gpu, without_status
from tests.engine.test_step_contract import CHEAP, EAGER

SMALL = {
    "channels": 12,
    "cells": 1,
    "layers": 3,
    "image_limit": 88,
    "image_size": 8,
    "batch_size": 8,
    "threads": 1,
    "epochs": 2,
    "arch_frozen_epochs": 0,
    "stage_frozen_epochs": "0",
    "evaluated_epochs": 1,
}

RECORDED = [case for case in CHEAP if case[0] not in EAGER]


def search(method: str, space: str, device: str = "cpu", **options: Any) -> tuple[DifferentiableSearch, list[Event]]:
    """Return a small search with those of the options that its method has, and its events."""
    known = catalogue.options(catalogue.method(method), catalogue.space(space)).model_fields
    given = {key: value for key, value in (SMALL | options).items() if key in known}
    if method == "prdarts":
        del given["epochs"]  # its nine stages have their own
    if method == "pdarts":
        given["epochs"] = 6  # its first stage has two, with different dropout
    draft = Draft(method=method, space=space, preset="quick", dataset="digits", device=device, options=given)
    said: list[Event] = []
    _, found = assemble(resolve(draft), Path(), said.append)
    assert isinstance(found, DifferentiableSearch)
    found.prepare()
    return found, said


def reports(of: DifferentiableSearch, epochs: int = 2) -> list[EpochReport]:
    """Work through some epochs."""
    found: list[EpochReport] = []
    while len(found) < epochs:
        if (report := of.advance()) is not None:
            found.append(report)
    return found


def trained(of: DifferentiableSearch) -> dict[str, torch.Tensor]:
    """Return copies of everything that the search trains."""
    state = of.current
    return {
        f"{part}.{name}": value.clone()
        for part, module in (("supernet", state.supernet), ("architecture", state.architecture))
        for name, value in module.state_dict().items()
    }


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let recoveries of sparse codes, whose duration is reported, take no time."""
    monkeypatch.setattr(recovery.time, "perf_counter", lambda: 0.0)


@pytest.mark.parametrize(("method", "space", "options"), RECORDED, ids=str)
def test_recorded_steps_train_to_the_same_bits(
    method: str, space: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # One epoch is enough where nothing changes with it; the large supernets take a second for each step.
    epochs = 2 if space == "nasbench201" or method in {"pdarts", "ista", "ista_onestage"} else 1
    images = {} if space == "nasbench201" else {"image_limit": 80}  # no short batch
    found = []
    for recorder in (None, TapeRecorder()):
        prepare_as_on_a_gpu(monkeypatch, recorder)
        torch.manual_seed(0)
        run, said = search(method, space, **options | images)
        said_by_epochs = [without_status(report) for report in reports(run, epochs)]
        assert not [event for event in said if isinstance(event, Warned) and event.kind == "cuda_graphs"]
        found.append((said_by_epochs, trained(run), torch.get_rng_state()))
    (eager_reports, eager, eager_random), (taped_reports, taped, taped_random) = found
    assert isinstance(recorder, TapeRecorder)
    assert recorder.done.count("c") == epochs
    assert recorder.done.count("r") >= 2 * epochs
    assert all(map(same, eager_reports, taped_reports))
    assert eager.keys() == taped.keys()
    assert all(torch.equal(eager[name], taped[name]) for name in eager)
    assert torch.equal(eager_random, taped_random)


def test_each_epoch_is_captured_anew_and_short_batches_are_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = TapeRecorder()
    prepare_as_on_a_gpu(monkeypatch, recorder)
    run, _ = search("drnas", "nasbench201")
    found = reports(run)
    assert recorder.done.replace("f", "") == FIRST + NEXT
    assert recorder.done.endswith("rf" + "f")  # before the short batch, and after the pass
    assert [report.extras["cuda_graphs"] for report in found] == ["captured", "captured"]


@pytest.mark.parametrize(("method", "space"), [("gdas", "nasbench201"), ("nasp", "darts_nasp")])
def test_methods_that_choose_on_the_host_stay_eager(method: str, space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = TapeRecorder()
    prepare_as_on_a_gpu(monkeypatch, recorder)
    run, said = search(method, space, cuda_graphs="on")
    (report,) = reports(run, 1)
    assert recorder.done.strip("f") == ""
    assert report.extras["cuda_graphs"].startswith("eager: this method chooses")
    assert [event.kind for event in said if isinstance(event, Warned)] == ["cuda_graphs"]


def test_a_failed_capture_changes_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may stop anywhere in the step, here at a read in the middle, and leave gradients behind."""
    found = []
    for recorder in (None, TapeRecorder()):
        prepare_as_on_a_gpu(monkeypatch, recorder)
        torch.manual_seed(0)
        run, said = search("drnas", "nasbench201")
        step = run.components.update.step

        def reading(context: Any, step: Callable[[Any], None] = step) -> None:
            clip = context.clip_weights

            def read_and_clip(parameters: Any) -> None:
                assert parameters[0].grad.sum().item() != 0.5
                clip(parameters)

            with monkeypatch.context() as patch:
                patch.setattr(context, "clip_weights", read_and_clip)
                step(context)

        monkeypatch.setattr(run.components.update, "step", reading)
        (report,) = reports(run, 1)
        found.append((without_status(report), trained(run)))
    (event,) = [event for event in said if isinstance(event, Warned)]
    assert event.kind == "cuda_graphs"
    assert isinstance(recorder, TapeRecorder)
    assert recorder.done.replace("f", "") == "eeec"
    assert same(found[0][0], found[1][0])
    assert all(torch.equal(found[0][1][name], found[1][1][name]) for name in found[0][1])


def test_a_batch_that_does_not_fit_is_trained_as_without_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size changes within an epoch: every size is another graph."""
    options = {"batch_size_max": 16, "batch_multiple": 4, "memory_limit": 1.0, "image_limit": 240}
    found = []
    for recorder in (None, TapeRecorder()):
        prepare_as_on_a_gpu(monkeypatch, recorder)
        torch.manual_seed(0)
        run, said = search("prdarts", "prdarts", **options)
        supernet, runtime = run.current.supernet, run.context.runtime
        forward = supernet.forward

        def limited(images: torch.Tensor, *rest: Any, supernet: Any = supernet, forward: Any = forward) -> Any:
            if supernet.training and len(images) > 12:
                raise torch.OutOfMemoryError("simulated")
            return forward(images, *rest)

        monkeypatch.setattr(supernet, "forward", limited)
        monkeypatch.setattr(runtime, "memory_share", lambda limit, run=run: run.current.batch_size / 16.9)
        (report,) = reports(run, 1)
        found.append((without_status(report), trained(run)))
    kinds = [event.kind for event in said if isinstance(event, Warned)]
    assert kinds.count("batch_grown") == 1
    assert kinds.count("batch_stepped_back") == 1
    assert isinstance(recorder, TapeRecorder)
    assert recorder.done.count("c") == 2
    assert same(found[0][0], found[1][0])
    assert all(torch.equal(found[0][1][name], found[1][1][name]) for name in found[0][1])


@pytest.mark.parametrize(
    ("method", "space", "options"),
    [
        ("drnas", "nasbench201", {"stage_operations": "5,3", "stage_partial": "2,1", "arch_frozen_epochs": 0}),
        ("snas", "nasbench201", {}),
        ("ista", "darts", {"layers": 3}),
    ],
    ids=str,
)
def test_an_interrupted_search_resumes_to_the_same_bits(
    method: str, space: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a resume other steps are eager than in the run that was not interrupted."""
    recorder = TapeRecorder()
    prepare_as_on_a_gpu(monkeypatch, recorder)
    small = {"image_size": 8, "batch_size": 8, "image_limit": 88, "channels": 4, **options}

    done_before: list[str] = []

    def make(**options: Any) -> Bench:
        made = Bench(options, 0, method, "quick", space)
        if not done_before:
            made.method.prepare()
        done_before.append(recorder.done)
        return made

    check_resumes(make, small, [2, 5, 11])
    _, whole, *_ = done_before
    assert whole.count("r") >= 4
    assert recorder.done.count("r") > whole.count("r")  # after a resume, too
