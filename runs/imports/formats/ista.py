"""What iboing/ISTA-NAS prints: it keeps no log file, so this is its captured output.

``[Epoch 3]`` and a cell follow each epoch of a search. In one stage, a cell that would be too large is ``rejected !!!``
and the one before it stays; after ``Architecture Fixed``, the network with the fixed cell is trained on. The codes from
which cells are derived are not printed.
"""

from __future__ import annotations

import re

from runs.genotypes.genotype import Genotype
from runs.imports.formats.darts import DartsLog

_EPOCH = re.compile(r"epoch:\s+\d+ lr: \[?([0-9.e-]+)")
_STEP = re.compile(r" ?(Train|Valid)\[\d+\] Loss: ([0-9.e+-]+|nan|inf) Top1: ")
_SELECTED = re.compile(r"\[Epoch (initial|\d+)\]")
_FIXED = re.compile(r" *--- Architecture Fixed")
_REJECTED = re.compile(r"-+> rejected")


class IstaLog(DartsLog):
    """The output of ISTA-NAS, in two stages or one."""

    method = "ista"

    def __init__(self) -> None:
        super().__init__()
        self._accepted: Genotype | None = None
        self._newest: Genotype | None = None

    def line(self, text: str) -> None:
        """Take a line."""
        if found := _EPOCH.match(text):
            epoch = self.begin_epoch()
            if (rate := self.number(found[1])) is not None:
                epoch.learning_rates["weights"] = rate
            epoch.genotype = self._accepted if self.found.stages else None
        elif found := _STEP.match(text):
            self.metric(self._metric(found[1], "loss"), found[2])
        elif _SELECTED.match(text):
            self._accept()
            if "initial" in text:
                self.found.dataset = self.found.dataset or "cifar10"  # the scripts know no other
        elif "L2 dist is" in text:
            self.found.method = "ista_onestage"
        elif _REJECTED.match(text):
            self._newest = self._accepted
            if self.epoch is not None:
                self.epoch.genotype = self._accepted
        elif _FIXED.match(text):
            self._accept()
            self.found.method = "ista_onestage"
            self.found.stages = ["search", "training of the fixed cell"]
        else:
            super().line(text)

    def genotype(self, genotype: Genotype) -> None:
        """Take the cell after an epoch; the first is that before any."""
        if self.found.is_training:
            super().genotype(genotype)
            return
        self._newest = genotype
        if self.epoch is not None:
            self.epoch.genotype = genotype

    def end(self) -> None:
        """Complete the findings with the last cell that was accepted."""
        self._accept()
        if not self.found.is_training:
            self.found.genotype = self._accepted
        super().end()

    def _accept(self) -> None:
        self._accepted = self._newest or self._accepted

    def _metric(self, part: str, name: str) -> str:
        # In one stage there is no validation set: what is called so is the test set.
        is_test = self.found.method == "ista_onestage" or self.found.is_training
        return f"train_{name}" if part.lower() == "train" else f"test_{name}" if is_test else f"search_{name}"
