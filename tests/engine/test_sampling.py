"""Searches that sample whole cells from shared weights: what runs, what the controller learns, and the result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from engine.black_box.encoding import Cell, coding
from engine.black_box.path_sampling import PathSampling, UniformPolicy
from engine.methods.enas.controller import Controller, LearntPolicy
from engine.methods.enas.method import learning_rate
from engine.spaces.darts import Darts
from runs import catalogue
from runs.catalogue.methods.enas import EnasSettings
from runs.catalogue.spaces.darts import DartsSettings
from tests.engine.conftest import Bench, round_trip

NB201 = coding(catalogue.space("nasbench201"))
SMALL = {"image_size": 8, "cells": 1, "samples": 5, "sample_images": 40}
ENAS = {"controller_steps": 2, "controller_samples": 3, "controller_size": 8}


def controller(**options: Any) -> Controller:
    form = {"size": 16, "layers": 2, "tanh_constant": 2.5, "temperature": 5.0, "scale": 0.1} | options
    return Controller(NB201.codec, generator=torch.Generator().manual_seed(0), **form)


def policy(made: Controller, rate: float = 0.02, **options: Any) -> LearntPolicy:
    form = {"steps": 1, "samples": 4, "entropy_weight": 0.0, "baseline_momentum": 0.9, "clip": 0.0} | options
    return LearntPolicy(made, torch.optim.Adam(made.parameters(), rate, betas=(0.0, 0.999), eps=1e-3), **form)


def test_the_controller_is_the_recurrence_of_the_paper() -> None:
    made = controller(size=8, scale=1.0)
    drawn, logarithms = made(3, torch.Generator().manual_seed(1))
    assert drawn.shape == (3, 6)
    cells = [torch.nn.LSTMCell(8, 8) for _ in range(2)]
    for layer, cell in enumerate(cells):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            setattr(cell, name, getattr(made.lstm, f"{name}_l{layer}"))
    for row, operations in enumerate(drawn):
        inputs = made.start
        states = [(torch.zeros(8), torch.zeros(8))] * 2
        for edge, operation in enumerate(operations):
            for layer, cell in enumerate(cells):
                states[layer] = cell(inputs, states[layer])
                inputs = states[layer][0]
            logits = 2.5 * torch.tanh((made.head.weight @ inputs + made.head.bias) / 5.0)
            torch.testing.assert_close(logarithms[row, edge], functional.log_softmax(logits, 0))
            inputs = made.embedding.weight[operation]


def test_a_step_follows_the_score_function() -> None:
    made, twin = controller(), controller()
    learner = policy(made, entropy_weight=0.1)
    scores: list[float] = []
    seen: list[Cell] = []

    def score(cell: Cell) -> float:
        seen.append(cell)
        scores.append(10.0 * cell[0] + cell[5])
        return scores[-1]

    torch.manual_seed(3)
    told = learner.learn(score)["controller"]
    torch.manual_seed(3)
    drawn, logarithms = twin(4)
    assert [tuple(cell) for cell in drawn.tolist()] == seen
    entropy = torch.distributions.Categorical(logits=logarithms).entropy().sum(1).tolist()
    rewards = [value / 100 + 0.1 * own for value, own in zip(scores, entropy, strict=True)]
    baseline, loss = rewards[0], torch.zeros(())
    for reward, row, cell in zip(rewards, logarithms, drawn, strict=True):
        baseline = 0.9 * baseline + 0.1 * reward
        loss = loss - (reward - baseline) * row.gather(1, cell[:, None]).sum() / 4
    loss.backward()
    for parameter, expected in zip(made.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, expected.grad)
    assert told["baseline"] == pytest.approx(baseline)
    assert told["reward"] == pytest.approx(sum(rewards) / 4)


def test_it_learns_what_scores_well_and_goes_on_from_a_state() -> None:
    learner = policy(controller(), steps=40, samples=10)
    torch.manual_seed(0)
    before = learner.shares()
    assert all(sum(row) == pytest.approx(1) for row in before)
    learner.learn(lambda cell: 20.0 * cell.count(3))
    assert all(after[3] > row[3] + 0.2 for after, row in zip(learner.shares(), before, strict=True))

    again = policy(controller(), steps=40, samples=10)
    again.load(round_trip(learner.state()))
    state = torch.get_rng_state()
    first = learner.learn(lambda cell: 20.0 * cell.count(1))
    torch.set_rng_state(state)
    assert again.learn(lambda cell: 20.0 * cell.count(1)) == first
    assert again.shares() == learner.shares()


@pytest.mark.parametrize(("method", "options"), [("rsws", {}), ("enas", ENAS)])
def test_the_answer_is_the_best_of_the_drawn(method: str, options: dict[str, Any]) -> None:
    bench = Bench(SMALL | options, method=method)
    search = bench.method
    sampling = search.components.callback
    assert isinstance(sampling, PathSampling)
    search.prepare()
    alphas = {kind: alpha.detach().clone() for kind, alpha in search.current.architecture.alphas.items()}
    for _ in range(2):
        report = bench.epoch()
        told = report.extras["sampled"]
        assert told["best"] == sampling.accuracy >= told["mean"] >= told["worst"]
        assert report.genotype == NB201.genotype(sampling.best)
        mixing = sampling.evaluation(search.current.architecture)
        assert mixing["cell"].active == tuple((operation,) for operation in sampling.best)
        assert mixing["cell"].weights.argmax(1).tolist() == list(sampling.best)
        assert report.learning_rates["architecture"] == 0
    assert all(torch.equal(alpha, alphas[kind]) for kind, alpha in search.current.architecture.alphas.items())
    shown = torch.tensor(report.architecture["cell"].weights)
    torch.testing.assert_close(shown.sum(1), torch.ones(6))
    assert bool((shown == 0.2).all()) == (method == "rsws")


@pytest.mark.parametrize(
    ("preset", "phase"),
    [
        ("paper", lambda epoch: math.pi * (epoch % 10) / 10),  # a warm restart every 10 epochs
        ("public", lambda epoch: math.pi * epoch / 10),  # T_max is 10, whatever the number of epochs
        ("quick", lambda epoch: math.pi * epoch / 250),
    ],
)
def test_the_learning_rate_of_enas(preset: str, phase: Callable[[int], float]) -> None:
    values = catalogue.preset(catalogue.method("enas"), "nasbench201", preset).values
    settings = EnasSettings(**{name: value for name, value in values.items() if name in EnasSettings.model_fields})
    rate, top, bottom = learning_rate(settings), settings.learning_rate, settings.learning_rate_min
    if preset != "quick":
        assert (top, bottom) == (0.05, 0.0005)
    for epoch in range(250):
        expected = bottom + (top - bottom) * (1 + math.cos(phase(epoch))) / 2
        assert rate(epoch, 250) == pytest.approx(expected, abs=1e-12)


def test_a_swing_needs_a_period() -> None:
    with pytest.raises(ValueError, match="after_period=swing needs a rate_period"):
        EnasSettings(after_period="swing")


def test_a_path_of_the_darts_space_has_two_edges_into_a_node() -> None:
    entry = catalogue.space("darts")
    known = coding(entry)
    space = Darts(entry, DartsSettings(), 10)
    sampling = PathSampling(UniformPolicy(known.codec), known, space, samples=1, images=1, batch_size=1)
    made = Bench({"layers": 3}, method="darts", space="darts").method.current.architecture
    for cell_weights in sampling.sample(made).values():
        running = [bool(active) for active in cell_weights.active or ()]
        assert cell_weights.weights.sum() == sum(running) == 8
        for node in (2, 3, 4, 5):
            into = [target == node for _, target in entry.edges]
            assert sum(run for run, here in zip(running, into, strict=True) if here) == 2
