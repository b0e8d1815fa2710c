"""Searches that draw whole architectures by a policy: what they run, what they learn, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import RelaxationSnapshot, dense, probabilities
from engine.black_box.encoding import Cell, Codec, Coding
from engine.black_box.rng import Rng
from engine.spaces.space import Candidates, CellWeights, MixingWeights, SearchSpace
from runs.genotypes.genotype import Genotype

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch

# From an architecture to its accuracy in percent by the shared weights, on a batch of held-out images of its own.
Score = Callable[[Cell], float]


class Policy(Protocol):
    """Draws architectures by torch's global generator, as relaxations draw."""

    def draw(self) -> Cell:
        """Return one."""

    def shares(self) -> list[list[float]] | None:
        """Return how often each operation of an edge is drawn, edges x operations; None for evenly."""

    def learn(self, score: Score) -> dict[str, Any]:
        """Change what is likely, after an epoch of the weights; return what this policy alone can tell."""

    def state(self) -> dict[str, Any]:
        """Return everything that :meth:`load` needs."""

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


class Even:
    """Draws every architecture as likely, always. See :class:`Policy`."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def draw(self) -> Cell:
        """Return an architecture."""
        return self._codec.random(Rng(torch.default_generator))

    def shares(self) -> None:
        """Lean to nothing."""

    def learn(self, score: Score) -> dict[str, Any]:
        """Learn nothing."""
        return {}

    def state(self) -> dict[str, Any]:
        """Remember nothing."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Take nothing back."""


class Sampling:
    """Relaxation, memory and rule of such a search in one: each needs to know what the others draw and find.

    A forward pass runs one architecture. At the end of an epoch the policy learns, then some architectures are drawn
    and the best of them by the shared weights is what the search answers (NAS-Bench-201's way; Li and Talwalkar score
    more of them, on more images, at the end alone).

    Args:
        policy: draws.
        coding: what is drawn stands for.
        space: where it runs.
        samples: how many are scored at the end of an epoch.
        images: held-out images that each is scored on, others for each.

    Attributes:
        best: the answer; before the first epoch ends, a draw.
        accuracy: what it scored, in percent.
    """

    def __init__(self, policy: Policy, coding: Coding, space: SearchSpace, *, samples: int, images: int) -> None:
        self.policy, self._coding, self._space = policy, coding, space
        self._samples, self._images = samples, images
        self.best: Cell = (0,) * len(coding.codec.choices)
        self.accuracy = 0.0

    # Relaxation: what a forward pass runs -------------------------------------------------------------------------

    def begin(self, epoch: int, epochs: int) -> None:
        """Nothing depends on the epoch."""

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the mixing weights of an architecture that the policy draws."""
        return self.along(architecture, self.policy.draw())

    def mean(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return how often each operation is drawn."""
        shares = self.policy.shares()
        if shares is None:
            alpha, alive = architecture.stacked()
            return dense(architecture, probabilities(torch.zeros_like(alpha), alive))
        (kind,) = architecture.kinds
        return {kind: CellWeights(torch.tensor(shares))}

    def evaluation(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the mixing weights of the answer of the epoch before."""
        return self.along(architecture, self.best)

    def snapshot(self, architecture: ArchitectureParameters, kind: str) -> RelaxationSnapshot:
        """Know nothing more."""
        return RelaxationSnapshot()

    def along(self, architecture: ArchitectureParameters, cell: Cell) -> MixingWeights:
        """Return the mixing weights that run one architecture alone."""
        chosen = self._space.chosen(self._coding.genotype(cell))
        return {kind: _path(chosen[kind], architecture.alphas[kind]) for kind in architecture.kinds}

    # EpochCallback: what is carried from epoch to epoch ------------------------------------------------------------

    def prepare(self, search: DifferentiableSearch) -> None:
        """Draw what stands for an answer until there is one."""
        self.best = self.policy.draw()

    def end_epoch(self, search: DifferentiableSearch) -> dict[str, Any]:
        """Let the policy learn, and choose the answer; return what is worth watching of both."""
        search.supernet.eval()
        size = search.settings.batch_size
        learnt = self.policy.learn(lambda cell: self._score(search, cell, size))
        drawn = [self.policy.draw() for _ in range(self._samples)]
        scored = [self._score(search, cell, self._images) for cell in drawn]
        self.accuracy = max(scored)
        self.best = drawn[scored.index(self.accuracy)]
        mean = sum(scored) / len(scored)
        return {"sampled": {"best": self.accuracy, "mean": mean, "worst": min(scored)}, **learnt}

    def state(self) -> dict[str, Any]:
        """Return the answer and the policy."""
        return {"best": list(self.best), "accuracy": self.accuracy, "policy": self.policy.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.best, self.accuracy = tuple(state["best"]), state["accuracy"]
        self.policy.load(state["policy"])

    # Discretizer: what the search returns ---------------------------------------------------------------------------

    def derive(self, space: SearchSpace, architecture: ArchitectureParameters, candidates: Candidates) -> Genotype:
        """Return the answer."""
        return self._coding.genotype(self.best)

    @torch.no_grad()
    def _score(self, search: DifferentiableSearch, cell: Cell, size: int) -> float:
        images, labels = search.architecture_batch(size)
        scores = search.scores(images, self.along(search.architecture, cell))
        return 100 * float((scores.argmax(1) == labels).float().mean())


def _path(chosen: Sequence[int], like: torch.Tensor) -> CellWeights:
    """Return the mixing weights that run one operation on each edge; -1 runs none."""
    weights = torch.zeros(like.shape)
    for edge, operation in enumerate(chosen):
        if operation >= 0:
            weights[edge, operation] = 1
    active = tuple((operation,) if operation >= 0 else () for operation in chosen)
    return CellWeights(weights.to(like.device, non_blocking=True), active)
