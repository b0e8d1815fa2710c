"""The interface between a method and the worker that runs it: small units of work, and a complete state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from engine.core.artifacts import Artifacts
from engine.core.cuda_graphs import StepRunner
from engine.core.distributed import ALONE, Group
from engine.core.runtime import Runtime
from engine.data.sources import Source
from engine.spaces.space import SearchSpace
from runs.catalogue import Dataset
from runs.catalogue.settings import Settings
from runs.configuration import RunConfig
from runs.genotypes.genotype import Genotype
from runs.log.events import CellSnapshot, Event

# The hyperparameters that a method declares in its catalogue entry.
SettingsT_co = TypeVar("SettingsT_co", bound=Settings, covariant=True)


@dataclass(frozen=True)
class Context(Generic[SettingsT_co]):
    """What a method is given: ``Context[DrNasSettings]`` for a method whose catalogue entry has these options.

    Attributes:
        config: the frozen configuration of the run.
        settings: its hyperparameters, typed and checked.
        dataset: the data set's entry in the catalogue.
        images: loads the images of a part, ``train`` or ``test``, onto the device; knows their size.
        space: the search space, built from the settings.
        runtime: device, precision and random generators.
        emit: writes an event to the run's log.
        folder: of the run; meaningless without a run, as in a profile.
        artifacts: stores weights and descriptions.
        group: the processes that share the run.
        steps: runs the steps of a training, captured as CUDA graphs where possible.
    """

    config: RunConfig
    settings: SettingsT_co
    dataset: Dataset
    images: Source
    space: SearchSpace
    runtime: Runtime
    emit: Callable[[Event], None]
    folder: Path = Path()
    artifacts: Artifacts = field(default_factory=Artifacts)
    group: Group = ALONE
    steps: StepRunner = field(default_factory=StepRunner)


@dataclass(frozen=True)
class EpochReport:
    """The results of an epoch at its end; the worker turns them into an event."""

    genotype: Genotype
    metrics: dict[str, float] = field(default_factory=dict)
    learning_rates: dict[str, float] = field(default_factory=dict)
    architecture: dict[str, CellSnapshot] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Position:
    """The position in the current epoch, in units of work.

    Attributes:
        step, of: units done, and all units of the epoch.
        images: the number of images processed since the engine started.
        run_step, run_of: units done, and all units of the run, if epochs differ in length; 0 otherwise.
    """

    step: int
    of: int
    images: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    run_step: int = 0
    run_of: int = 0


class Method(Protocol):
    """A search method. :meth:`state` holds everything that determines what comes next, at any moment between units.

    Attributes:
        epochs: the number of epochs of the whole run.
        epoch: the number of completed epochs; the run is over when it reaches ``epochs``.
        stage: index of the current stage.
    """

    epochs: int
    epoch: int
    stage: int

    def prepare(self) -> None:
        """Begin a new run. Called once, and never on a resumed run."""

    def advance(self) -> EpochReport | None:
        """Do one unit of work (a batch, a candidate, a query); return a report when it completes an epoch."""

    def position(self) -> Position:
        """Return the position in the epoch. May read from the device; called a few times a second."""

    def genotype(self) -> Genotype:
        """Return the genotype that the search would return now."""

    def weights(self) -> Mapping[str, Tensor]:
        """Return the tensors to keep at the end; empty if there are none."""

    def state(self) -> dict[str, Any]:
        """Return everything that :meth:`load` needs: tensors, numbers, text, lists and dictionaries."""

    def load(self, state: dict[str, Any]) -> None:
        """Restore the state of an earlier engine process. Called instead of :meth:`prepare`."""


@runtime_checkable
class RequestHandler(Protocol):
    """A method whose catalogue entry lists its own requests."""

    def handle_request(self, request: str) -> bool:
        """Handle a request between two units of work; return whether it is known. Its effect is part of the state."""


@runtime_checkable
class UsesHelpers(Protocol):
    """A method whose units of work wait for helper processes, such as those that decode images."""

    def ready(self) -> bool:
        """Return whether the next unit of work can begin without waiting; False only after a wait of a second or so.

        The engine asks between two units of work, where it can still stop with a checkpoint. The state must not change.
        """


@runtime_checkable
class DerivesVariants(Protocol):
    """A method that may derive several genotypes from what it has learnt, such as one for each limit of a rule."""

    def variants(self) -> Mapping[str, Genotype]:
        """Return the genotypes to keep beside :meth:`Method.genotype`, by name; empty if there are none."""


@runtime_checkable
class SamplesGenotypes(Protocol):
    """A method that searches a distribution over architectures."""

    def sampled_genotypes(self) -> list[Genotype]:
        """Return the genotypes of some samples, the same for the same state; random states do not change."""
