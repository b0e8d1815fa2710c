"""A strategy many times over on one table, without runs: for statistics of seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from engine.black_box.encoding import Codec, coding
from engine.black_box.evaluator import TableEvaluator
from engine.black_box.incumbent import Record
from engine.black_box.optimizer import Strategy
from engine.black_box.rng import Dice
from runs.benchmarks.tabular_queries import Answers
from runs.catalogue.spaces.nasbench201 import SPACE


def repeat(
    answers: Answers, strategy: Callable[[Codec, Dice], Strategy], seeds: Iterable[int], queries: int
) -> list[float]:
    """Return, seed by seed, the reported test accuracy in percent of the best cell of so many queries."""
    evaluator, codec = TableEvaluator(answers), coding(SPACE).codec
    reached = []
    for seed in seeds:
        made = strategy(codec, Dice(torch.Generator().manual_seed(seed)))
        record = Record()
        for _ in range(queries):
            cell = made.propose()
            answer = evaluator.advance(cell)
            made.learn(cell, answer.accuracy)
            record.take(cell, answer)
        reached.append(evaluator.reached(record.best))
    return reached
