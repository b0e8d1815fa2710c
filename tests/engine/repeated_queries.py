"""Repeated runs of an optimiser on one table, without an engine: for statistics over seeds."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from engine.black_box.encoding import coding
from engine.black_box.evaluator import TableEvaluator
from engine.black_box.incumbent import Incumbent
from engine.black_box.rng import Rng
from engine.black_box.search import OptimizerFactory
from runs.benchmarks.tabular_queries import Answers
from runs.catalogue.spaces.nasbench201 import SPACE


def repeat(answers: Answers, make_optimizer: OptimizerFactory, seeds: Iterable[int], queries: int) -> list[float]:
    """Return, for each seed, the reported test accuracy in percent of the best cell after this many queries."""
    space = coding(SPACE)
    evaluator = TableEvaluator(answers, space.genotype)
    reached = []
    for seed in seeds:
        optimizer, incumbent = make_optimizer(space.codec, Rng(torch.Generator().manual_seed(seed))), Incumbent()
        for _ in range(queries):
            cell = optimizer.ask()
            evaluation = evaluator.advance(cell)
            optimizer.tell(cell, evaluation.accuracy)
            incumbent.update(cell, evaluation)
        reached.append(evaluator.test_accuracy(incumbent.best))
    return reached
