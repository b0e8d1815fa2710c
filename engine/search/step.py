"""The interfaces between the search loop and its parts: updates, stage transitions and epoch callbacks.

This module imports nothing from the loop, and no part imports the loop: a test can fake what a part may touch in a few
lines.

A unit of training has two halves. The **host part** belongs to the loop: it takes the indices of the batches, draws
their augmentation, counts images and fills the static inputs on the device. The **step** is :meth:`Update.step`. A CUDA
graph can capture it (:class:`engine.core.cuda_graphs.StepRunner`):

* it reads nothing back from the device and makes no tensor on the CPU;
* it uses no Python number that changes from step to step: the learning rates are tensors on a GPU;
* its inputs are stored at fixed addresses, and its random numbers come from the device's generator;
* its shapes are the same in every step except the last, short one of a pass.

What changes only between epochs (temperature, dropout, drop path, which operations run, which parameters are trained)
is set in one place, where the loop begins an epoch. Python numbers of that kind become part of a captured graph, so the
loop captures anew in each epoch, which takes about as long as an eager step. A new stage, a resume and a new batch size
invalidate a capture too. Gradients are dropped at the end of a step, which begins without any.

Methods that read the device to decide which operations run (GDAS, DSNAS, NASP) or that draw architectures on the host
(path sampling) have to stay eager: their relaxation says ``capturable = False``.

Several processes may share a run. Each does the same steps on its share of every batch, and they always have the same
weights and architecture parameters: gradients are averaged by :meth:`StepContext.average`; numbers that all images have
in common are drawn equally in every process; what a supernet draws for its images, each process draws for itself. Their
steps stay eager.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from torch import Tensor, nn
from torch.optim import Optimizer

from engine.architecture.parameters import ArchitectureParameters
from engine.spaces.space import Candidates, MixingWeights, Supernet

# What a batch trains.
Level = Literal["weights", "architecture"]
Result = TypeVar("Result")


class Batch(NamedTuple):
    """Images and their labels.

    Attributes:
        images: float32 [N, 3, H, W], normalised.
        labels: int64 [N].
    """

    images: Tensor
    labels: Tensor


@dataclass
class SearchState:
    """What a stage trains. A new stage replaces it as a whole.

    Attributes:
        supernet: the network of all candidates.
        architecture: the architecture parameters.
        weight_optimizer: of the supernet's weights.
        architecture_optimizer: of the architecture parameters.
        batch_size: images in a batch of each level.
        weights: the parameters of the supernet.
    """

    supernet: Supernet
    architecture: ArchitectureParameters
    weight_optimizer: Optimizer
    architecture_optimizer: Optimizer
    batch_size: int
    # Collected once: walking through a supernet's modules in every step takes milliseconds.
    weights: list[nn.Parameter] = field(init=False)

    def __post_init__(self) -> None:
        self.weights = list(self.supernet.parameters())

    def learning_parameters(self) -> list[nn.Parameter]:
        """Return the architecture parameters that are being trained."""
        return [parameter for parameter in self.architecture.parameters() if parameter.requires_grad]


class StepContext(Protocol):
    """Everything that an update may touch."""

    @property
    def state(self) -> SearchState:
        """What is trained."""

    @property
    def trains_architecture(self) -> bool:
        """Whether this epoch changes the architecture parameters."""

    def weight_batch(self) -> Batch:
        """Return the augmented batch of the weights that the host part has prepared."""

    def architecture_batch(self) -> Batch:
        """Return the augmented batch of the architecture that the host part has prepared."""

    def sample(self, *, detached: bool = False) -> MixingWeights:
        """Return fresh mixing weights, differentiable in the architecture parameters unless ``detached``."""

    def scores(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        """Return the supernet's class scores, float32 [N, classes]."""

    def both_scores(self, images: Tensor, mixing: MixingWeights) -> tuple[Tensor, Tensor | None]:
        """Return the class scores, and those of the auxiliary classifier, or None without one."""

    def penalty(self) -> Tensor | None:
        """Return the regulariser's term of the architecture loss, or None without one."""

    def average(self, gradients: Iterable[Tensor], level: Level) -> None:
        """Replace, in place, the gradients of this process's share of a batch by those of the whole batch.

        An update calls it on every gradient of a mean loss over a batch, before it clips or uses it. In a single
        process it does nothing. Of several, each calls it at the same point with the same gradients.

        Args:
            gradients: of the mean loss over the prepared batch of a level; read only if there are several processes.
            level: of that batch.
        """

    def clip_weights(self, parameters: Sequence[nn.Parameter]) -> None:
        """Clip the norm of these gradients according to the settings of the weights, and record it."""

    def clip_architecture(self, parameters: Sequence[nn.Parameter]) -> None:
        """Clip the norm of these gradients according to the settings of the architecture."""

    def record(self, loss: Tensor, scores: Tensor, labels: Tensor) -> None:
        """Add a batch of the weights to the training metrics. Called once for each step."""


class Update(Protocol):
    """How one batch of each level changes weights and architecture parameters.

    Attributes:
        order: the levels whose batches a step takes, in the order in which the host part draws them. The architecture's
            batch is left out in epochs that do not train it.
    """

    @property
    def order(self) -> Sequence[Level]:
        """The levels in the order in which they are drawn."""

    def step(self, context: StepContext) -> None:
        """Change weights and architecture parameters; the module's docstring says what a step must not do."""


class BatchPolicy(Protocol):
    """Decides in how many pieces, and with which batch size, the loop trains on the indices of a batch."""

    def run(self, train: Callable[[Tensor], None], indices: Tensor, state: SearchState) -> None:
        """Train on all the indices.

        Args:
            train: does the host part and the step for the given indices, int64 [N] on the CPU.
            indices: of training images.
            state: its ``batch_size`` may be changed, for the batches that follow.
        """


@dataclass(frozen=True)
class EpochPosition:
    """Which epoch it is; all numbers count from 0.

    Attributes:
        epoch: the number of the epoch in the run.
        epochs: the number of epochs of all stages, as currently planned.
        stage: the number of the stage.
        epoch_of_stage: the number of the epoch in its stage.
    """

    epoch: int
    epochs: int
    stage: int
    epoch_of_stage: int


class EpochContext(Protocol):
    """Everything that a transition or a callback may touch, between two epochs."""

    @property
    def state(self) -> SearchState:
        """What is trained."""

    @property
    def position(self) -> EpochPosition:
        """Which epoch it is."""

    def scores(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        """Return the supernet's class scores, float32 [N, classes]."""

    def evaluation_weights(self) -> MixingWeights:
        """Return the mixing weights that the search accuracy is measured with."""

    def evaluation_batches(self, limit: int | None = None) -> Iterator[Batch]:
        """Yield the batches that the search accuracy is measured on, at most ``limit`` of them.

        Of several processes, each gets its own batches, perhaps none: add up with :meth:`total`.
        """

    def held_out_batch(self, size: int) -> Batch:
        """Return the next augmented images of the architecture's part; of several processes, each gets its share."""

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes, which must all call this at the same point."""

    def agreed(self, compute: Callable[[], Result]) -> Result:
        """Return what rank 0 computes; the other processes get its result without computing it.

        For decisions of the host that rounding could tip, such as those of a solver: all processes must decide alike.

        Args:
            compute: returns numbers, text, arrays, or lists and dataclasses of these. It draws no random numbers.
        """


@dataclass(frozen=True)
class Handover:
    """What a stage leaves to the next.

    Attributes:
        candidates: the operations of the next stage.
        restore: copies what the ending stage has learned into the new state. It must not hold the old state, which is
            freed before the new one is built, so that memory never has to hold two supernets.
        batch_size: of the next stage; None keeps the current one.
    """

    candidates: Candidates
    restore: Callable[[EpochContext], None]
    batch_size: int | None = None


class Transition(Protocol):
    """The end of a stage."""

    def __call__(self, context: EpochContext) -> Handover:
        """Choose the operations of the next stage, and extract what it inherits.

        The loop then frees the old state, builds the new one, and calls :attr:`Handover.restore`.

        Args:
            context: with the state of the stage that ends; ``position.stage`` is that stage.
        """


@dataclass(frozen=True)
class EpochEnd:
    """The result of a callback at the end of an epoch.

    Attributes:
        extras: entries of the epoch's report.
        ends_stage: whether the current stage ends with this epoch.
    """

    extras: Mapping[str, Any] = field(default_factory=dict)
    ends_stage: bool = False


class EpochCallback(Protocol):
    """What a method does between epochs, and its state: sparse codes, a controller, a pool of operations.

    Called in this order: :meth:`on_start` once in a new run; then for each epoch :meth:`on_epoch_start` and
    :meth:`on_epoch_end`. A resumed run calls :meth:`load_state_dict` instead of :meth:`on_start`, and
    :meth:`on_epoch_start` again for the current epoch.
    """

    def on_start(self, context: EpochContext) -> None:
        """Begin a new run."""

    def on_epoch_start(self, state: SearchState, position: EpochPosition) -> None:
        """Set what depends on the epoch, such as dropout, using only the arguments and :meth:`state_dict`."""

    def on_epoch_end(self, context: EpochContext) -> EpochEnd:
        """Do the work at the end of an epoch, after its training and evaluation and before its report."""

    def state_dict(self) -> dict[str, Any]:
        """Return everything that determines what comes next: tensors, numbers, text, lists and dictionaries."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state that an earlier engine process saved."""
