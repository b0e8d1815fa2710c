"""The loop that every differentiable search shares. It knows no method by name: a method is its strategies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import Regulariser
from engine.architecture.relaxations.relaxation import Relaxation
from engine.core.metrics import RunningMetrics
from engine.data.batches import EVALUATION_BATCH, IndexStream
from engine.data.search_images import SearchImages, open_images
from engine.method import Context, EpochReport, Position
from engine.search import snapshots
from engine.search.collapse_monitor import CollapseMonitor
from engine.search.epoch_callback import EpochCallback
from engine.search.stages import Stage
from engine.search.updates import Update
from engine.spaces.space import Candidates, MixingWeights, SearchSpace, Supernet, all_candidates
from runs.catalogue import Space
from runs.catalogue.shared_settings import DifferentiableSettings, SupernetSettings
from runs.errors import NastuiError
from runs.genotypes.genotype import Genotype
from runs.log.events import StageStarted, Warned

# From the labels of the training set to the indices that train weights, and those that train the architecture; none
# of these where one level trains both. Then the test part is what each epoch is evaluated on, for display alone.
Split = Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor]]
# The operations that a search begins with.
InitialCandidates = Callable[[Space], Candidates]
# Makes the architecture parameters of a stage.
Variables = Callable[[Space, Candidates, torch.Generator], ArchitectureParameters]
# From space, variables and candidates to the genotype that they stand for.
Discretizer = Callable[[SearchSpace, ArchitectureParameters, Candidates], Genotype]
# Sets what the supernet wants to know of the epoch that begins, such as dropout; from nothing but its number.
Settle = Callable[["DifferentiableSearch"], None]
# From (epochs complete, all epochs) to the learning rate of the weights in the epoch that follows.
LearningRate = Callable[[int, int], float]
# Makes the optimiser of the architecture parameters, with the keywords of torch.optim.Adam.
Optimiser = Callable[..., torch.optim.Optimizer]
# The tensors that are worth keeping at the end.
Result = Callable[["DifferentiableSearch"], Mapping[str, Tensor]]


def supernet_and_variables(search: DifferentiableSearch) -> dict[str, Tensor]:
    """Return supernet and architecture parameters by name: the result of a search whose cell is trained afresh."""
    parts = {"supernet": search.supernet, "architecture": search.architecture}
    return {f"{part}.{name}": value for part, module in parts.items() for name, value in module.state_dict().items()}


@dataclass(frozen=True)
class Strategies:
    """What makes a method of the loop (baselines.md section 6).

    Attributes:
        split: which images train which level.
        variables: makes the architecture parameters.
        relaxation: from the variables to mixing weights.
        update: how one batch changes variables and weights.
        regulariser: the pull on the variables.
        learning_rate: of the weights, in closed form.
        stages: the plan.
        deriver: from the variables to a genotype.
        settle: sets what depends on the epoch, before each epoch and after a resume; None for nothing.
        candidates: the operations to begin with.
        memory: what else has a state; None for nothing.
        architecture_optimizer: of the variables.
        result: what is kept at the end.
    """

    split: Split
    variables: Variables
    relaxation: Relaxation
    update: Update
    regulariser: Regulariser
    learning_rate: LearningRate
    stages: Sequence[Stage]
    deriver: Discretizer
    settle: Settle | None = None
    candidates: InitialCandidates = all_candidates
    memory: EpochCallback | None = None
    architecture_optimizer: Optimiser = torch.optim.Adam
    result: Result = supernet_and_variables


class DifferentiableSearch:
    """Trains a supernet and its architecture parameters in turn. See :class:`engine.method.Method`.

    A unit of work is a training batch with its architecture batch, or a batch of the evaluation that ends each epoch.
    The learning rate of an epoch is a closed form of its number, so nothing about it has to be kept.

    Args:
        context: what the run gives.
        strategies: what the method is.

    Attributes:
        batch_size: images in a batch; an update may change it between batches.
    """

    def __init__(self, context: Context, strategies: Strategies) -> None:
        self.context = context
        self.strategies = strategies
        self.regulariser = strategies.regulariser
        assert isinstance(context.settings, SupernetSettings)
        self.settings = context.settings
        self._lengths = [stage.epochs for stage in strategies.stages]
        self.epoch = 0
        self.stage = 0
        self._step = self._trained = 0
        self._images_seen = 0
        self._evaluating = False

        runtime = context.runtime
        data, size = self._images("train"), self.settings.batch_size
        self.batch_size = size
        first, second = strategies.split(data.labels, runtime.generator("split"))
        self._weight_stream = IndexStream(first, runtime.generator("weight batches"))
        self._architecture_stream = IndexStream(second, runtime.generator("architecture batches"))
        self._weight_images = data.training(self._weight_stream, size)
        self._architecture_images = data.training(self._architecture_stream, size)
        shown = data if len(second) else self._images("test")
        self._evaluation_stream = IndexStream(second if len(second) else torch.arange(len(shown.labels)), None)
        self._evaluation_images = shown.testing(self._evaluation_stream, EVALUATION_BATCH)
        self._settling = CollapseMonitor()
        self.train_meter, self._mean_meter, self._sampled_meter, self._derived_meter = (
            RunningMetrics(runtime.device) for _ in range(4)
        )
        self._gradients = torch.zeros(2, dtype=torch.float64, device=runtime.device)
        self.build(strategies.candidates(context.space.entry))

    # What a run asks -------------------------------------------------------------------------------------------

    @property
    def epochs(self) -> int:
        """Epochs of all stages; a stage that ends early takes some away."""
        return sum(self._lengths)

    def prepare(self) -> None:
        """Say that the first stage begins."""
        if self.strategies.memory is not None:
            self.strategies.memory.prepare(self)
        self._announce_stage()

    def advance(self) -> EpochReport | None:
        """Do one batch of training or of evaluation; return a report when it completes the epoch."""
        if self._evaluating:
            self._evaluation_unit()
        else:
            self._train_unit()
        if self._step < (self._evaluations if self._evaluating else self._batches):
            return None
        if not self._evaluating and self._evaluations:
            self._trained, self._step, self._evaluating = self._step, 0, True
            return None
        return self._end_epoch()

    def position(self) -> Position:
        """Return the place in the epoch and the training metrics so far."""
        step = self._step + (self._batches if self._evaluating else 0)
        metrics = self.train_meter.read("train")
        return Position(step, self._batches + self._evaluations, self._images_seen, metrics)

    def genotype(self) -> Genotype:
        """Return the genotype that the search would return now."""
        return self.strategies.deriver(self.context.space, self.architecture, self.supernet.candidates)

    def weights(self) -> Mapping[str, Tensor]:
        """Return what the method keeps at the end."""
        return self.strategies.result(self)

    def state(self) -> dict[str, Any]:
        """Return everything that decides what comes next."""
        return {
            "epoch": self.epoch,
            "stage": self.stage,
            "lengths": list(self._lengths),
            "step": self._step,
            "trained": self._trained,
            "batch_size": self.batch_size,
            "evaluating": self._evaluating,
            "candidates": {kind: [list(kept) for kept in rows] for kind, rows in self.supernet.candidates.items()},
            "supernet": self.supernet.state_dict(),
            "architecture": self.architecture.state_dict(),
            "weight_optimiser": self.weight_optimizer.state_dict(),
            "architecture_optimiser": self.architecture_optimizer.state_dict(),
            "weight_stream": self._weight_stream.state(),
            "architecture_stream": self._architecture_stream.state(),
            "evaluation_stream": self._evaluation_stream.state(),
            "meters": [meter.state() for meter in self._meters()],
            "gradients": self._gradients.cpu(),
            "settling": self._settling.state(),
            "memory": None if self.strategies.memory is None else self.strategies.memory.state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.epoch, self.stage, self._step = state["epoch"], state["stage"], state["step"]
        self._evaluating, self._lengths = state["evaluating"], list(state["lengths"])
        self._trained, self.batch_size = state["trained"], state["batch_size"]
        if self.strategies.memory is not None:
            self.strategies.memory.load(state["memory"])
        rows = state["candidates"]
        self.build({kind: tuple(tuple(kept) for kept in rows[kind]) for kind in rows})
        self.supernet.load_state_dict(state["supernet"])
        self.architecture.load_state_dict(state["architecture"])
        self.weight_optimizer.load_state_dict(state["weight_optimiser"])
        self.architecture_optimizer.load_state_dict(state["architecture_optimiser"])
        self._weight_stream.load(state["weight_stream"])
        self._architecture_stream.load(state["architecture_stream"])
        self._evaluation_stream.load(state["evaluation_stream"])
        for meter, saved in zip(self._meters(), state["meters"], strict=True):
            meter.load(saved)
        self._gradients.copy_(state["gradients"])
        self._settling.load(state["settling"])
        if self._step or self._evaluating:
            self._settle()

    # What strategies use ---------------------------------------------------------------------------------------

    def build(self, candidates: Candidates) -> None:
        """Build supernet, architecture and optimisers for the stage in progress, all afresh."""
        runtime, settings, space = self.context.runtime, self.settings, self.context.space
        stage = self.strategies.stages[self.stage]
        # What was is let go of first: two supernets need not fit at once.
        for part in ("supernet", "architecture", "weight_optimiser", "architecture_optimiser"):
            vars(self).pop(part, None)
        runtime.free_cache()
        self.supernet: Supernet = space.supernet(candidates, stage.network)
        self.supernet.to(device=runtime.device, memory_format=runtime.memory_format)  # type: ignore[call-overload]
        self.architecture = self.strategies.variables(space.entry, candidates, runtime.generator("architecture"))
        self.architecture.to(runtime.device)
        self.weight_optimizer = torch.optim.SGD(
            self.supernet.parameters(),
            settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            nesterov=settings.nesterov,
        )
        # Variables that nothing trains have no settings, and an optimiser that is never asked.
        self.architecture_optimizer = (
            self.strategies.architecture_optimizer(
                self.architecture.parameters(),
                settings.arch_learning_rate,
                betas=(settings.arch_beta1, settings.arch_beta2),
                weight_decay=self.regulariser.weight_decay,
            )
            if isinstance(settings, DifferentiableSettings)
            else torch.optim.SGD(self.architecture.parameters())
        )

    @property
    def epoch_of_stage(self) -> int:
        """Epochs complete inside the stage in progress."""
        return self.epoch - sum(self._lengths[: self.stage])

    def end_stage(self) -> None:
        """End the stage in progress with the epoch in progress; called by a memory at the end of that."""
        self._lengths[self.stage] = self.epoch_of_stage + 1

    @property
    def architecture_trains(self) -> bool:
        """Whether this epoch updates alpha."""
        return self.epoch_of_stage >= self.strategies.stages[self.stage].frozen_epochs

    def sampled_weights(self, detached: bool = False) -> MixingWeights:
        """Return one fresh draw for each kind of cell; ``detached`` cuts it off from the variables."""
        with torch.set_grad_enabled(not detached and torch.is_grad_enabled()):
            return self.strategies.relaxation.sample(self.architecture)

    def scores(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        """Return the supernet's class scores, in 32 bits."""
        with self.context.runtime.autocast():
            scores: Tensor = self.supernet(images, mixing)
        return scores.float()

    def weight_batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return augmented images and labels of the weights' half."""
        self._images_seen += len(indices)
        return self._weight_images(indices)

    def architecture_batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Return the next augmented images and labels of the architecture's half."""
        indices = self._architecture_stream.take(size)
        self._images_seen += len(indices)
        return self._architecture_images(indices)

    def first_images(self, batches: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the first batches of the images that the search accuracy is measured on; only between two epochs."""
        self._evaluation_stream.start()
        for _ in range(min(batches, math.ceil(len(self._evaluation_stream) / EVALUATION_BATCH))):
            yield self._evaluation_images(self._evaluation_stream.next(EVALUATION_BATCH))

    def clip(self, parameters: list[nn.Parameter]) -> None:
        """Clip the gradient norm of these parameters, and count how large it was and how often it was cut."""
        limit = self.settings.gradient_clip or math.inf
        norm = nn.utils.clip_grad_norm_(parameters, limit, foreach=True).detach().double()
        self._gradients += torch.stack([norm, (norm > limit).double()])

    # How an epoch goes -----------------------------------------------------------------------------------------

    def _train_unit(self) -> None:
        if self._step == 0:
            if self.epoch_of_stage == self._lengths[self.stage]:
                self._next_stage()
            self._weight_stream.start()
            self._settle()
        self.strategies.update.step(self, self._weight_stream.next(self.batch_size))
        self._step += 1

    def _settle(self) -> None:
        for group in self.weight_optimizer.param_groups:
            group["lr"] = self.strategies.learning_rate(self.epoch, self.epochs)
        self.strategies.relaxation.begin(self.epoch, self.epochs)
        if self.strategies.settle is not None:
            self.strategies.settle(self)

    @torch.no_grad()
    def _evaluation_unit(self) -> None:
        self.supernet.eval()
        if self._step == 0:
            self._evaluation_stream.start()
        images, labels = self._evaluation_images(self._evaluation_stream.next(EVALUATION_BATCH))
        mixing = self.strategies.relaxation.evaluation(self.architecture)
        self._evaluate(self._mean_meter, images, labels, mixing)
        if self.settings.sampled_accuracy:
            self._evaluate(self._sampled_meter, images, labels, self.sampled_weights())
        if isinstance(self.settings, DifferentiableSettings) and self.settings.derived_accuracy:
            cell = snapshots.derived(self.context.space, self.genotype(), mixing, self.supernet.candidates)
            if cell is not None:
                self._evaluate(self._derived_meter, images, labels, cell)
        self._step += 1

    @property
    def _batches(self) -> int:
        """Batches of training in the epoch in progress; those to come are of the size of now."""
        if self._evaluating:
            return self._trained
        left = self._weight_stream.ahead if self._step else self._weight_stream
        return self._step + math.ceil(len(left) / self.batch_size)

    @property
    def _evaluations(self) -> int:
        """Units of evaluation at the end of the epoch in progress."""
        done, of = self.epoch, self.epochs
        if last := self.strategies.stages[self.stage].evaluated_epochs:
            done, of = self.epoch_of_stage, self._lengths[self.stage]
        last = last or self.settings.evaluated_epochs or of
        return math.ceil(len(self._evaluation_stream) / EVALUATION_BATCH) if done >= of - last else 0

    def _evaluate(self, meter: RunningMetrics, images: Tensor, labels: Tensor, mixing: MixingWeights) -> None:
        scores = self.scores(images, mixing)
        meter.add(functional.cross_entropy(scores, labels), scores, labels)

    def _end_epoch(self) -> EpochReport:
        report = self._report()
        if not math.isfinite(report.metrics["train_loss"]):
            raise NastuiError(
                f"The training loss is no longer finite in epoch {self.epoch + 1}.",
                "Lower learning_rate or gradient_clip.",
            )
        for meter in self._meters():
            meter.reset()
        self._gradients.zero_()
        self._step, self._evaluating = 0, False
        self.epoch += 1
        return report

    def _next_stage(self) -> None:
        leave = self.strategies.stages[self.stage].leave
        self.stage += 1
        if leave is not None:
            leave(self)
        self._announce_stage()

    def _report(self) -> EpochReport:
        norm, clipped = (self._gradients / self._batches).tolist()
        remembered = {} if self.strategies.memory is None else self.strategies.memory.end_epoch(self)
        genotype = self.genotype()
        cells, extras = snapshots.take(self.context.space, self.architecture, self.strategies.relaxation, genotype)
        settled = self._settling.observe(genotype, self.architecture_trains)
        if alarm := self._settling.alarm:
            self.context.emit(Warned("collapse", alarm))
        return EpochReport(
            genotype=genotype,
            metrics={
                **self.train_meter.read("train"),
                **self._mean_meter.read("search"),
                **self._sampled_meter.read("sampled"),
                **self._derived_meter.read("derived"),
            },
            learning_rates={
                "weights": self.strategies.learning_rate(self.epoch, self.epochs),
                "architecture": self.settings.arch_learning_rate
                if isinstance(self.settings, DifferentiableSettings) and self.architecture_trains
                else 0.0,
            },
            architecture=cells,
            extras={
                **extras,
                **settled,
                "stage": {"number": self.stage + 1, **self.strategies.stages[self.stage].network},
                "operations_alive": {
                    kind: [len(kept) for kept in rows] for kind, rows in self.supernet.candidates.items()
                },
                "architecture_frozen": not self.architecture_trains,
                "gradient_norm": norm,
                "clipped_share": clipped,
                **remembered,
            },
        )

    def _images(self, part: str) -> SearchImages:
        context = self.context
        return open_images(context.images, context.dataset, self.settings, context.runtime, part)

    def _meters(self) -> tuple[RunningMetrics, ...]:
        return self.train_meter, self._mean_meter, self._sampled_meter, self._derived_meter

    def _announce_stage(self) -> None:
        stage = self.strategies.stages[self.stage]
        self.context.emit(StageStarted(self.stage, len(self.strategies.stages), self._lengths[self.stage], stage.title))
