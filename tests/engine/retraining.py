"""A retraining without an engine process: its context on the embedded data, small enough to run in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from engine.assembly import assemble
from engine.core.artifacts import Artifacts
from engine.core.distributed import ALONE, Group
from engine.method import EpochReport
from engine.training.trainer import Trainer
from runs.catalogue.genotype_text import parse_text
from runs.configuration import Draft, resolve
from runs.home import RunPaths
from runs.log.events import Event

CELL = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|nor_conv_3x3~2|"
DRNAS = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), "
    "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), ('dil_conv_5x5', 3)], normal_concat=range(2, 6), "
    "reduce=[('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('dil_conv_5x5', 2), ('sep_conv_5x5', 1), ('sep_conv_5x5', 1), "
    "('dil_conv_5x5', 3), ('skip_connect', 4), ('sep_conv_5x5', 1)], reduce_concat=range(2, 6))"
)
OF_BENCHMARK = {"channels": 4, "cells": 1}
OF_DARTS = {"channels": 4, "layers": 3, "auxiliary": True}
SMALL = {"epochs": 2, "image_limit": 200, "image_size": 16, "batch_size": 32, "threads": 1}


class Retraining:
    """A training in this process, with its events."""

    def __init__(
        self,
        text: str = CELL,
        *,
        seed: int = 0,
        group: Group = ALONE,
        folder: Path | None = None,
        device: str = "cpu",
        dataset: str | None = None,
        **options: Any,
    ) -> None:
        of_space = OF_BENCHMARK if text.startswith("|") else OF_DARTS
        draft = Draft(
            method="retrain",
            preset="quick",
            genotype=parse_text(text).to_json(),
            device=device,
            dataset=dataset,
            seed=seed,
            options=SMALL | of_space | options,
        )
        self.said: list[Event] = []
        torch.set_num_threads(1)
        artifacts = Artifacts(RunPaths(folder)) if folder else Artifacts()
        context, method = assemble(
            resolve(draft), Path(), self.said.append, group=group, folder=folder, artifacts=artifacts
        )
        assert isinstance(method, Trainer)
        self.context, self.trainer = context, method
        method.prepare()

    def epoch(self) -> EpochReport:
        """Work to the end of the epoch in progress."""
        while (report := self.trainer.advance()) is None:
            pass
        return report

    def reports(self) -> list[EpochReport]:
        """Work to the end of the run."""
        return [self.epoch() for _ in range(self.trainer.epoch, self.trainer.epochs)]

    def advance(self, units: int) -> None:
        """Do some units of work."""
        for _ in range(units):
            self.trainer.advance()
