"""A strategy many times over on one table, without runs: for statistics of seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from engine.query.codec import Codec, coding
from engine.query.dice import Dice
from engine.query.evaluator import TableEvaluator
from engine.query.record import Record
from engine.query.strategy import Strategy
from runs.catalogue.spaces.nasbench201 import SPACE
from runs.queries import Answers


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
