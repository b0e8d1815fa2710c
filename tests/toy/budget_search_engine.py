"""A method added from outside, the engine part: small units of work, and a complete state."""

import time

import torch

from engine.method import EpochReport, Position
from runs.genotypes import nasbench201
from runs.log.events import CellSnapshot, StageStarted


class BudgetSearch:
    """Random search for an architecture whose number of parameters is close to a budget."""

    def __init__(self, context):
        self.context = context
        self.settings = context.settings
        self.epochs = self.settings.epochs
        self.epoch = self.stage = self.step = 0
        self.best = [0] * 6
        self.counts = torch.zeros(6, 5)

    def prepare(self):
        self.context.emit(StageStarted(0, 1, self.epochs, "draw"))

    def advance(self):
        time.sleep(self.settings.patience)
        drawn = torch.randint(0, 5, (6,), generator=self.context.runtime.generator("cells")).tolist()
        self.counts[torch.arange(6), drawn] += 1
        self.best = min(self.best, drawn, key=self.distance)
        self.step += 1
        if self.step < self.settings.queries:
            return None
        self.step, self.epoch = 0, self.epoch + 1
        return self.report()

    def report(self):
        cell = CellSnapshot(
            edges=list(self.context.space.entry.edges),
            operations=list(self.context.space.entry.operations),
            weights=(self.counts / self.counts.sum(1, keepdim=True)).tolist(),
            alive=[[True] * 5] * 6,
            chosen=self.best,
        )
        return EpochReport(self.genotype(), {"budget_error": self.distance(self.best)}, architecture={"cell": cell})

    def distance(self, operations):
        return abs(nasbench201.parameters(nasbench201.genotype(operations)) / 1e6 - self.settings.budget)

    def position(self):
        return Position(self.step, self.settings.queries)

    def genotype(self):
        return nasbench201.genotype(self.best)

    def weights(self):
        return {}

    def state(self):
        return {"epoch": self.epoch, "step": self.step, "best": self.best, "counts": self.counts}

    def load(self, state):
        for name, value in state.items():
            setattr(self, name, value)
