"""The components of a differentiable method: the loop knows no method by name, only its components."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import Regulariser
from engine.architecture.relaxations.relaxation import Relaxation
from engine.core import optimizers
from engine.search.stages import Stage
from engine.search.step import BatchPolicy, EpochCallback, SearchState, Update
from engine.spaces.space import Candidates, SearchSpace, all_candidates
from runs.catalogue import Space
from runs.genotypes.genotype import Genotype

# From the labels of the training set to the indices that train the weights and those that train the architecture. If
# the latter are empty, one level trains both, and each epoch is evaluated on the test part, for display only.
Split = Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor]]
# The operations of the first stage.
InitialCandidates = Callable[[Space], Candidates]
# Makes the architecture parameters of a stage.
MakeParameters = Callable[[Space, Candidates, torch.Generator], ArchitectureParameters]
# From space, architecture parameters and candidates to a genotype.
Discretizer = Callable[[SearchSpace, ArchitectureParameters, Candidates], Genotype]
# From the same to further genotypes, by name.
Variants = Callable[[SearchSpace, ArchitectureParameters, Candidates], Mapping[str, Genotype]]
# From (completed epochs, all epochs) to the learning rate of the weights in the next epoch.
LearningRate = Callable[[int, int], float]
# Makes the optimiser of the architecture parameters; called as :func:`engine.core.optimizers.adam` is.
MakeOptimizer = Callable[..., torch.optim.Optimizer]
# Returns the tensors that are kept at the end.
Result = Callable[[SearchState], Mapping[str, Tensor]]


def supernet_and_architecture(state: SearchState) -> dict[str, Tensor]:
    """Return weights and architecture parameters by name: the result of a search whose cell is then retrained."""
    parts = {"supernet": state.supernet, "architecture": state.architecture}
    return {f"{part}.{name}": value for part, module in parts.items() for name, value in module.state_dict().items()}


@dataclass(frozen=True)
class Components:
    """The components of a method.

    See docs/methods/baselines.md, "How a differentiable search is put together".

    Attributes:
        split: which images train which level.
        parameters: makes the architecture parameters.
        relaxation: from the architecture parameters to mixing weights.
        update: how one batch changes architecture parameters and weights.
        regulariser: pulls the architecture parameters towards their anchor.
        learning_rate: of the weights, in closed form.
        stages: in their order.
        discretizer: from the architecture parameters to a genotype.
        initial_candidates: the operations of the first stage.
        callback: what happens between epochs; None for nothing.
        architecture_optimizer: makes the optimiser of the architecture parameters.
        batch_policy: changes the batch size; None for a fixed size.
        result: what is kept at the end.
        variants: derives further genotypes at the end; None for none.
    """

    split: Split
    parameters: MakeParameters
    relaxation: Relaxation
    update: Update
    regulariser: Regulariser
    learning_rate: LearningRate
    stages: Sequence[Stage]
    discretizer: Discretizer
    initial_candidates: InitialCandidates = all_candidates
    callback: EpochCallback | None = None
    architecture_optimizer: MakeOptimizer = optimizers.adam
    batch_policy: BatchPolicy | None = None
    result: Result = supernet_and_architecture
    variants: Variants | None = None

    @property
    def capturable(self) -> bool:
        """Whether a CUDA graph may capture a step; see :mod:`engine.search.step`."""
        return self.relaxation.capturable
