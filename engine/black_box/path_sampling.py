"""Searches that sample whole architectures from a policy, and train them with shared weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import RelaxationSnapshot, dense, probabilities
from engine.black_box.encoding import Cell, Codec, Coding
from engine.black_box.rng import Rng
from engine.search.step import EpochContext, EpochEnd, EpochPosition, SearchState
from engine.spaces.space import Candidates, CellWeights, MixingWeights, SearchSpace
from runs.genotypes.genotype import Genotype

# From an architecture to its accuracy in percent with the shared weights, on a separate batch of held-out images.
Score = Callable[[Cell], float]


class Policy(Protocol):
    """Samples architectures with torch's global generator, as relaxations do."""

    def draw(self) -> Cell:
        """Return a sampled architecture."""

    def shares(self) -> list[list[float]] | None:
        """Return the probability of each operation, edges x operations; None for uniform ones."""

    def learn(self, score: Score) -> dict[str, Any]:
        """Update the probabilities after an epoch of training the weights; return entries of the epoch's report."""

    def state(self) -> dict[str, Any]:
        """Return everything that :meth:`load` needs."""

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""


class UniformPolicy:
    """Samples all architectures with the same probability. See :class:`Policy`."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def draw(self) -> Cell:
        """Return an architecture."""
        return self._codec.random(Rng(torch.default_generator))

    def shares(self) -> None:
        """Return None, because the probabilities are uniform."""

    def learn(self, score: Score) -> dict[str, Any]:
        """Return no entries: there is nothing to learn."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return an empty state."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Do nothing."""


class PathSampling:
    """Samples architectures for forward passes, and selects the result of each epoch among some samples.

    It is the relaxation, the epoch callback and the discretizer of such a search in one, because all three share the
    result. A forward pass runs one architecture. At the end of an epoch the policy learns, then some architectures are
    sampled, and the best of them with the shared weights is the result (as in NAS-Bench-201; Li and Talwalkar score
    more of them, on more images, only at the end).

    Args:
        policy: samples architectures.
        coding: from the policy's cells to genotypes.
        space: of the supernet.
        samples: how many are scored at the end of an epoch.
        images: the number of held-out images that each is scored on, different ones for each.
        batch_size: the number of held-out images that the policy learns from.

    Attributes:
        best: the result; a sample before the first epoch ends.
        accuracy: of the result on its held-out images, in percent.
    """

    # The policy samples on the host.
    capturable = False

    def __init__(
        self, policy: Policy, coding: Coding, space: SearchSpace, *, samples: int, images: int, batch_size: int
    ) -> None:
        self.policy, self._coding, self._space = policy, coding, space
        self._samples, self._images, self._batch_size = samples, images, batch_size
        self.best: Cell = (0,) * len(coding.codec.choices)
        self.accuracy = 0.0

    # Relaxation: what a forward pass runs -------------------------------------------------------------------------

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Do nothing: the policy does not depend on the epoch."""

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return mixing weights that run an architecture sampled from the policy."""
        return self.path(architecture, self.policy.draw())

    def mean(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the probability of each operation."""
        shares = self.policy.shares()
        if shares is None:
            alpha, alive = architecture.stacked()
            return dense(architecture, probabilities(torch.zeros_like(alpha), alive))
        (kind,) = architecture.kinds
        return {kind: CellWeights(torch.tensor(shares))}

    def evaluation(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return mixing weights that run the result of the previous epoch."""
        return self.path(architecture, self.best)

    def snapshot(self, architecture: ArchitectureParameters, kind: str) -> RelaxationSnapshot:
        """Return an empty snapshot."""
        return RelaxationSnapshot()

    def path(self, architecture: ArchitectureParameters, cell: Cell) -> MixingWeights:
        """Return mixing weights that run a single architecture."""
        chosen = self._space.chosen(self._coding.genotype(cell))
        return {kind: _path(chosen[kind], architecture.alphas[kind]) for kind in architecture.kinds}

    # EpochCallback: what happens between epochs ---------------------------------------------------------------------

    def on_start(self, context: EpochContext) -> None:
        """Sample a result for the first epoch."""
        self.best = self.policy.draw()

    def on_epoch_start(self, state: SearchState, position: EpochPosition) -> None:
        """Do nothing: nothing depends on the epoch."""

    def on_epoch_end(self, context: EpochContext) -> EpochEnd:
        """Let the policy learn, and select the result; report both."""
        context.state.supernet.eval()
        learnt = self.policy.learn(lambda cell: self._score(context, cell, self._batch_size))
        drawn = [self.policy.draw() for _ in range(self._samples)]
        scored = [self._score(context, cell, self._images) for cell in drawn]
        self.accuracy = max(scored)
        self.best = drawn[scored.index(self.accuracy)]
        mean = sum(scored) / len(scored)
        return EpochEnd({"sampled": {"best": self.accuracy, "mean": mean, "worst": min(scored)}, **learnt})

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the result and the policy."""
        return {"best": list(self.best), "accuracy": self.accuracy, "policy": self.policy.state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self.best, self.accuracy = tuple(state["best"]), state["accuracy"]
        self.policy.load(state["policy"])

    # Discretizer: what the search returns ---------------------------------------------------------------------------

    def genotype(self, space: SearchSpace, architecture: ArchitectureParameters, candidates: Candidates) -> Genotype:
        """Return the result."""
        return self._coding.genotype(self.best)

    @torch.no_grad()
    def _score(self, context: EpochContext, cell: Cell, size: int) -> float:
        images, labels = context.held_out_batch(size)
        scores = context.scores(images, self.path(context.state.architecture, cell))
        hits = (scores.argmax(1) == labels).sum()
        hits, count = context.total(torch.stack([hits, hits.new_tensor(len(labels))])).float()
        return 100 * float(hits / count)


def _path(chosen: Sequence[int], like: torch.Tensor) -> CellWeights:
    """Return the mixing weights that run one operation on each edge; -1 runs none."""
    weights = torch.zeros(like.shape)
    for edge, operation in enumerate(chosen):
        if operation >= 0:
            weights[edge, operation] = 1
    active = tuple((operation,) if operation >= 0 else () for operation in chosen)
    return CellWeights(weights.to(like.device, non_blocking=True), active)
