"""The loop that every differentiable search shares: stages of epochs, epochs of units of work."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.core import activity
from engine.core.optimizers import load_optimizer, set_learning_rate
from engine.method import Context, EpochReport, Position
from engine.search import evaluation, snapshots
from engine.search.batches import SearchBatches
from engine.search.build import build_state
from engine.search.components import Components
from engine.search.context import SearchContext
from engine.search.evaluation import Accuracy, EpochEvaluation
from engine.search.metrics import SearchMetrics
from engine.search.report import Reporter
from engine.search.step import EpochPosition, SearchState
from engine.spaces.space import MixingWeights
from runs.catalogue.shared_settings import DifferentiableSettings, SupernetSettings
from runs.errors import NastuiError
from runs.genotypes.genotype import Genotype
from runs.log.events import StageStarted


class DifferentiableSearch:
    """Trains a supernet and its architecture parameters in turn. See :class:`engine.method.Method`.

    A unit of work is one batch of training (the host part and the step of :mod:`engine.search.step`) or one batch of
    the evaluation that ends each epoch. Schedules are closed forms of the epoch, so a checkpoint need not hold them.

    Attributes:
        context: of the run.
        components: of the method.
        epoch: the number of completed epochs.
        stage: the number of the current stage.
        batches: the images of the search.
        metrics: of the current epoch.
        step_context: what the loop hands to updates, transitions and callbacks in place of itself.
    """

    def __init__(self, context: Context[SupernetSettings], components: Components) -> None:
        self.context, self.components = context, components
        settings = context.settings
        if not components.capturable:
            context.steps.rule_out("this method chooses on the CPU which operations a step runs")
        architecture = settings if isinstance(settings, DifferentiableSettings) else None
        self._lengths = [stage.epochs for stage in components.stages]
        self.epoch = self.stage = 0
        # Units of work done in this part of the epoch, training or evaluation, and steps that the training took.
        self._units = self._steps = 0
        self._evaluating = False
        self.batches = SearchBatches(context, components.split)
        self.metrics = SearchMetrics(context.runtime.device, context.group)
        self.step_context = SearchContext(
            context.runtime,
            context.group,
            components.relaxation,
            components.regulariser,
            self.batches,
            self.metrics,
            weight_clip=settings.gradient_clip,
            architecture_clip=architecture.arch_gradient_clip if architecture else 0.0,
        )
        self._evaluation = EpochEvaluation(
            self.step_context,
            context.space,
            self.metrics,
            sampled=settings.sampled_accuracy,
            derived=architecture is not None and architecture.derived_accuracy,
        )
        self._reporter = Reporter(
            context.space,
            components,
            self.metrics,
            context.emit,
            context.steps,
            architecture_rate=architecture.arch_learning_rate if architecture else 0.0,
        )
        self.step_context.state = build_state(
            context,
            components,
            components.stages[0],
            components.initial_candidates(context.space.entry),
            settings.batch_size,
        )

    # Called by the run ----------------------------------------------------------------------------------------------

    @property
    def epochs(self) -> int:
        """The number of epochs of all stages; smaller once a stage has ended early."""
        return sum(self._lengths)

    def prepare(self) -> None:
        """Begin the first stage of a new run."""
        if self.components.callback is not None:
            self._locate()
            self.components.callback.on_start(self.step_context)
        self._announce_stage()

    def ready(self) -> bool:
        """Return whether the images of the next unit of work are there; see :class:`engine.method.UsesHelpers`."""
        return self.batches.ready(evaluating=self._evaluating)

    def advance(self) -> EpochReport | None:
        """Process one batch of training or of evaluation; return a report when it completes the epoch."""
        if self._evaluating:
            self._evaluation_unit()
        else:
            self._training_unit()
        if self._units < (self._evaluation_units if self._evaluating else self._training_units):
            return None
        if not self._evaluating:
            self.context.steps.forget()  # its memory is needed for the evaluation
            self._agree()
            if self._evaluation_units:
                self._steps, self._units, self._evaluating = self._units, 0, True
                return None
        return self._end_epoch()

    def position(self) -> Position:
        """Return the position in the epoch, and its training metrics so far."""
        training = self._training_units
        return Position(
            self._units + (training if self._evaluating else 0),
            training + self._evaluation_units,
            self.batches.images_seen,
            self.metrics.train.read("train"),
        )

    def genotype(self) -> Genotype:
        """Return the genotype that the search would return now."""
        state = self.step_context.state
        return self.components.discretizer(self.context.space, state.architecture, state.supernet.candidates)

    def weights(self) -> Mapping[str, Tensor]:
        """Return the tensors that are kept at the end."""
        return self.components.result(self.step_context.state)

    def state(self) -> dict[str, Any]:
        """Return everything that determines what comes next."""
        state, callback = self.step_context.state, self.components.callback
        return {
            "epoch": self.epoch,
            "stage": self.stage,
            "lengths": list(self._lengths),
            "step": self._units,
            "trained": self._steps,
            "batch_size": state.batch_size,
            "evaluating": self._evaluating,
            "candidates": {kind: [list(kept) for kept in rows] for kind, rows in state.supernet.candidates.items()},
            "supernet": state.supernet.state_dict(),
            "architecture": state.architecture.state_dict(),
            "weight_optimiser": state.weight_optimizer.state_dict(),
            "architecture_optimiser": state.architecture_optimizer.state_dict(),
            **self.batches.state(),
            **self.metrics.state(),
            "settling": self._reporter.collapse.state(),
            "memory": None if callback is None else callback.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state, from this version or from 0.1."""
        self.epoch, self.stage, self._units = state["epoch"], state["stage"], state["step"]
        self._evaluating, self._lengths = state["evaluating"], list(state["lengths"])
        self._steps = state["trained"]
        if self.components.callback is not None and state["memory"] is not None:
            self.components.callback.load_state_dict(state["memory"])
        rows = state["candidates"]
        candidates = {kind: tuple(tuple(kept) for kept in rows[kind]) for kind in rows}
        self.context.steps.forget(new_state=True)
        del self.step_context.state
        built = build_state(
            self.context, self.components, self.components.stages[self.stage], candidates, state["batch_size"]
        )
        built.supernet.load_state_dict(state["supernet"])
        built.architecture.load_state_dict(state["architecture"])
        load_optimizer(built.weight_optimizer, state["weight_optimiser"])
        load_optimizer(built.architecture_optimizer, state["architecture_optimiser"])
        self.step_context.state = built
        self.batches.load(state)
        self.metrics.load(state)
        self._reporter.collapse.load(state["settling"])
        if self._units or self._evaluating:
            self.begin_epoch()

    # Queries --------------------------------------------------------------------------------------------------------

    @property
    def current(self) -> SearchState:
        """What the current stage trains."""
        return self.step_context.state

    def variants(self) -> Mapping[str, Genotype]:
        """Return further genotypes by name; see :class:`engine.method.DerivesVariants`."""
        if self.components.variants is None:
            return {}
        state = self.step_context.state
        return self.components.variants(self.context.space, state.architecture, state.supernet.candidates)

    def sampled_genotypes(self) -> list[Genotype]:
        """Return the genotypes of 100 samples of the relaxation, without changing the search's random state."""
        space, state = self.context.space, self.step_context.state
        return [
            space.derive({kind: cell.weights.tolist() for kind, cell in mixing.items()}, state.supernet.candidates)
            for mixing in snapshots.draws(state.architecture, self.components.relaxation)
        ]

    def accuracy(self, mixing: Callable[[ArchitectureParameters], MixingWeights]) -> Accuracy:
        """Return the accuracy of the shared weights on all held-out images. Only call it between two epochs.

        Args:
            mixing: from the architecture parameters, whose device and kinds of cell it may need, to mixing weights.
        """
        return evaluation.accuracy(self.step_context, mixing(self.step_context.state.architecture))

    # The course of an epoch -----------------------------------------------------------------------------------------

    def _training_unit(self) -> None:
        if self._units == 0:
            if self._epoch_of_stage == self._lengths[self.stage]:
                self.next_stage()
            self.batches.start_pass()
            self.begin_epoch()
        state, policy = self.step_context.state, self.components.batch_policy
        indices = self.batches.next_indices(state.batch_size)
        if policy is None:
            self._train(indices)
        else:
            policy.run(self._train, indices, state)
        self._units += 1

    def _train(self, indices: Tensor) -> None:
        """Do the host part and the step for a batch."""
        group, levels = self.context.group, self.components.update.order
        # Batch norm needs two images in every process. All processes leave out a last batch with fewer.
        if group.size > 1 and len(indices) < 2 * group.size:
            return
        if not self.step_context.trains_architecture:
            levels = [level for level in levels if level != "architecture"]
        self.batches.prepare(levels, indices)
        whole = len(indices) == self.step_context.state.batch_size
        self.context.steps.run(len(indices) if whole else None, self._step, self._drop_gradients)

    def _step(self) -> None:
        self.components.update.step(self.step_context)

    def _drop_gradients(self) -> None:
        self.step_context.state.weight_optimizer.zero_grad()
        self.step_context.state.architecture_optimizer.zero_grad()

    def _agree(self) -> None:
        """Check that all processes have the same weights, and take rank 0's running averages."""
        state, group = self.step_context.state, self.context.group
        group.check_equal([*state.weights, *state.architecture.parameters()])
        group.align(state.supernet)

    def begin_epoch(self) -> None:
        """Set everything that depends on the epoch; a captured step is invalid afterwards."""
        self.context.steps.forget()
        self._locate()
        state, position = self.step_context.state, self.step_context.position
        self.step_context.trains_architecture = (
            position.epoch_of_stage >= self.components.stages[position.stage].frozen_epochs
        )
        set_learning_rate(state.weight_optimizer, self.components.learning_rate(position.epoch, position.epochs))
        self.components.relaxation.begin_epoch(position.epoch, position.epochs)
        if self.components.callback is not None:
            self.components.callback.on_epoch_start(state, position)
        state.supernet.train()

    def _evaluation_unit(self) -> None:
        activity.begin("the first batch of an evaluation" if self._units == 0 else "a batch of an evaluation")
        if self._units == 0:
            self.batches.start_evaluation()
        self._evaluation.evaluate(self.batches.next_evaluation(), self.genotype)
        self._units += 1

    def _end_epoch(self) -> EpochReport:
        activity.begin("the end of an epoch")
        self._locate()
        steps, callback = self._training_units, self.components.callback
        extras: Mapping[str, Any] = {}
        if callback is not None:
            end = callback.on_epoch_end(self.step_context)
            extras = end.extras
            if end.ends_stage:
                self._lengths[self.stage] = self._epoch_of_stage + 1
                self._locate()
        report = self._reporter.report(self.step_context, self.genotype(), steps, extras)
        if not math.isfinite(report.metrics["train_loss"]):
            raise NastuiError(
                f"The training loss is no longer finite in epoch {self.epoch + 1}.",
                "Lower learning_rate or gradient_clip.",
            )
        self.metrics.reset()
        self._units, self._evaluating = 0, False
        self.epoch += 1
        return report

    def next_stage(self) -> None:
        """End a stage: extract what the next stage inherits, free the old state, build the new one, and restore."""
        self._locate()
        activity.begin("moving to the next stage")
        transition = self.components.stages[self.stage].transition
        self.stage += 1
        if transition is not None:
            handover = transition(self.step_context)
            batch_size = handover.batch_size or self.step_context.state.batch_size
            self.context.steps.forget(new_state=True)
            del self.step_context.state
            self.step_context.state = build_state(
                self.context,
                self.components,
                self.components.stages[self.stage],
                handover.candidates,
                batch_size,
            )
            handover.restore(self.step_context)
        activity.begin(activity.FIRST_OF_EPOCH)
        self._announce_stage()

    # Position -------------------------------------------------------------------------------------------------------

    def _locate(self) -> None:
        self.step_context.position = EpochPosition(self.epoch, self.epochs, self.stage, self._epoch_of_stage)

    @property
    def _epoch_of_stage(self) -> int:
        """The number of completed epochs in the current stage."""
        return self.epoch - sum(self._lengths[: self.stage])

    @property
    def _training_units(self) -> int:
        """The number of training batches in the current epoch; those to come have the current batch size."""
        if self._evaluating:
            return self._steps
        size = self.step_context.state.batch_size
        return self._units + self.batches.batches_left(size, started=self._units > 0)

    @property
    def _evaluation_units(self) -> int:
        """The number of evaluation batches at the end of the current epoch."""
        done, of = self.epoch, self.epochs
        if last := self.components.stages[self.stage].evaluated_epochs:
            done, of = self._epoch_of_stage, self._lengths[self.stage]
        last = last or self.context.settings.evaluated_epochs or of
        return self.batches.evaluations if done >= of - last else 0

    def _announce_stage(self) -> None:
        stages = self.components.stages
        self.context.emit(StageStarted(self.stage, len(stages), self._lengths[self.stage], stages[self.stage].title))
