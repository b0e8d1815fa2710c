"""Retraining: it learns, repeats and resumes exactly, and computes the same however a batch is split."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.core.batch_growth import next_batch
from engine.method import EpochReport
from engine.training import trainer as trainers
from engine.training.model_io import rebuild
from engine.training.rate import learning_rate
from engine.training.weights import load_matching, read_weights
from runs import catalogue
from runs.catalogue.settings import validate
from runs.catalogue.training import TrainingSettings
from runs.errors import EnvironmentLacksError, UsageError
from runs.log.events import Warned
from tests.engine.retraining import DRNAS, Retraining
from tests.engine.test_host_reads import Waiting
from tests.vectors import load


def weights(run: Retraining) -> dict[str, torch.Tensor]:
    return {name: tensor.clone().contiguous() for name, tensor in run.trainer.weights().items()}


def same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@dataclass(frozen=True)
class Whole:
    """A training from its first to its last unit, with seed 0 and drop path.

    Attributes:
        reports: of its epochs.
        states: of trainer and runtime: during training, at its end, in the test, and in the second epoch.
        weights: at the end.
    """

    reports: list[EpochReport]
    states: list[tuple[dict[str, Any], dict[str, Any]]]
    weights: dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def whole() -> Whole:
    run = Retraining(DRNAS, drop_path=0.3)
    reports: list[EpochReport] = []
    states, done = [], 0
    while run.trainer.epoch < run.trainer.epochs:
        if done in (3, 6, 8, 11):
            states.append(copy.deepcopy((run.trainer.state(), run.context.runtime.state())))
        if report := run.trainer.advance():
            reports.append(report)
        done += 1
    assert len(states) == 4
    return Whole(reports, states, weights(run))


class TestLearning:
    def test_a_cell_of_the_benchmark_learns(self) -> None:
        first, *_, last = Retraining(epochs=6, image_limit=600, image_size=8).reports()
        assert last.metrics["train_loss"] < first.metrics["train_loss"]
        assert last.metrics["test_accuracy"] > 40  # chance is 10

    def test_a_darts_cell_learns_with_everything_on(self) -> None:
        reports = Retraining(
            DRNAS, epochs=4, image_limit=200, drop_path=0.3, label_smoothing=0.1, cutout_length=4
        ).reports()
        assert reports[-1].metrics["train_loss"] < reports[0].metrics["train_loss"]
        assert [report.extras["drop_path"] for report in reports] == pytest.approx([0, 0.075, 0.15, 0.225])

    def test_the_same_seed_gives_the_same_weights_and_another_does_not(self, whole: Whole) -> None:
        again, other = (Retraining(DRNAS, seed=seed, drop_path=0.3) for seed in (0, 1))
        for run in (again, other):
            run.reports()
        assert same(whole.weights, weights(again))
        assert not same(whole.weights, weights(other))

    def test_last_and_best_are_both_kept(self, tmp_path: Path) -> None:
        run = Retraining(folder=tmp_path, epochs=4)
        reports = run.reports()
        best = max(reports, key=lambda report: report.metrics["test_accuracy"])
        assert reports[-1].extras["best_accuracy"] == best.metrics["test_accuracy"]
        assert reports[-1].extras["best_epoch"] == 1 + reports.index(best)
        assert (tmp_path / "best.safetensors").exists()

    def test_a_loss_that_is_not_finite_ends_the_run(self) -> None:
        run = Retraining(learning_rate=10.0, gradient_clip=0.0, weight_decay=1.0, epochs=30)
        with pytest.raises(Exception, match="no longer finite"):
            run.reports()


class TestResuming:
    def test_a_resumed_training_is_bit_identical(self, whole: Whole) -> None:
        for state, machine in whole.states:
            again = Retraining(DRNAS, drop_path=0.3)
            again.trainer.load(state)
            again.context.runtime.load(machine)
            assert again.reports() == whole.reports[state["epoch"] :]
            assert same(weights(again), whole.weights)


class TestPieces:
    def test_a_batch_in_pieces_descends_the_same_gradient(self) -> None:
        """Without batch norm, which sees one piece at a time, splitting a batch only changes rounding."""
        found = []
        for pieces in (1, 4):
            run = Retraining(DRNAS, pieces=pieces)
            for parent in list(run.trainer.network.modules()):
                for name, child in list(parent.named_children()):
                    if isinstance(child, nn.BatchNorm2d):
                        setattr(parent, name, nn.Identity())
            run.advance(3)
            found.append(weights(run))
        for name, tensor in found[0].items():
            torch.testing.assert_close(tensor, found[1][name], rtol=1e-4, atol=1e-5)

    def test_a_batch_that_does_not_fit_is_halved_until_it_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = Retraining(batch_size=32)
        starve(run, 8, monkeypatch)
        run.epoch()
        said = [event for event in run.said if isinstance(event, Warned)]
        assert [event.kind for event in said] == ["out_of_memory", "out_of_memory"]
        assert "in 4 pieces" in said[-1].message
        assert run.trainer.state()["pieces"] == 4

    def test_the_run_can_stop_instead_and_name_the_batch_that_fits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = Retraining(batch_size=32, out_of_memory="stop")
        starve(run, 8, monkeypatch)
        with pytest.raises(EnvironmentLacksError, match="32 images at once") as caught:
            run.epoch()
        assert "batch_size=8" in caught.value.hint
        assert "pieces=4" in caught.value.hint

    def test_if_nothing_fits_the_error_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = Retraining(batch_size=32)
        starve(run, 1, monkeypatch)
        with pytest.raises(EnvironmentLacksError, match="do not fit"):
            run.epoch()

    def test_a_last_batch_too_small_for_batch_norm_is_left_out(self) -> None:
        run = Retraining(DRNAS, image_limit=129, batch_size=64, pieces=2)
        assert run.epoch().metrics["train_loss"] > 0


def starve(run: Retraining, fits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the network run out of memory with more images than fit."""
    forward = run.trainer.network.forward

    def limited(images: torch.Tensor, *rest: Any) -> Any:
        if run.trainer.network.training and len(images) > fits:
            raise torch.OutOfMemoryError("simulated")
        return forward(images, *rest)

    monkeypatch.setattr(run.trainer.network, "forward", limited)


class TestGrowingBatch:
    @pytest.mark.parametrize("case", load("prdarts/batch")["controller"])
    def test_controller(self, case: dict[str, Any]) -> None:
        batch = case["start"]
        for peak, expected in zip(case["peak_memory_fraction"], case["batch_after"], strict=True):
            batch = next_batch(batch, peak, largest=case["max"], multiple=case["multiple"])
            assert batch == expected

    def test_it_grows_as_far_as_the_memory_allows_and_warns(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trainers, "GROWTH_STEPS", 2)
        run = Retraining(batch_size=8, batch_size_max=32, batch_multiple=8)
        monkeypatch.setattr(run.context.runtime, "memory_share", lambda limit: run.trainer.state()["batch"] / 40)
        run.epoch()
        assert run.trainer.state()["batch"] == 32
        assert [event.kind for event in run.said if isinstance(event, Warned)] == ["batch_grown", "batch_grown"]

    def test_a_full_memory_keeps_it_small(self) -> None:
        run = Retraining(batch_size=8, batch_size_max=32, memory_limit=0.01)
        run.epoch()
        assert run.trainer.state()["batch"] == 8


class TestRates:
    """Every recipe's learning rate, epoch by epoch, compared with independent values."""

    def rates(self, preset: str, count: int, **changes: Any) -> list[float]:
        space = catalogue.space("nasbench201" if preset.startswith("nasbench") else "darts")
        values = catalogue.preset(catalogue.trainer(), space.name, preset).values
        settings = validate(catalogue.options(catalogue.trainer(), space), {**values, **changes}, "test")
        assert isinstance(settings, TrainingSettings)
        assert settings.epochs == count
        return [learning_rate(settings, epoch) for epoch in range(count)]

    @pytest.mark.parametrize(
        ("case", "preset", "changes"),
        [
            ("darts_cifar_eval", "darts-cifar", {}),
            ("darts_imagenet_eval", "darts-imagenet", {}),
            ("pcdarts_imagenet_eval", "pcdarts-imagenet", {}),
            ("pdarts_imagenet_eval_bs1024", "pdarts-imagenet", {}),
            ("pdarts_imagenet_eval_bs256", "pdarts-imagenet", {"learning_rate": 0.1, "warm_up_epochs": 0}),
            ("cosine_power_cifar_2000", "sharpdarts-cifar", {}),
            ("nb201_train_200", "nasbench201-200", {}),
            ("nb201_train_12", "nasbench201-12", {}),
        ],
    )
    def test_baselines(self, case: str, preset: str, changes: dict[str, Any]) -> None:
        expected = next(found for found in load("baselines/schedules")["cases"] if found["name"] == case)
        rates = self.rates(preset, expected["length"], **changes)
        for epoch, value in expected["values"]:
            assert rates[epoch] == pytest.approx(value, rel=1e-6)

    @pytest.mark.parametrize(
        ("case", "preset"), [("cifar_retrain", "ista-cifar"), ("imagenet_linear_warmup", "ista-imagenet")]
    )
    def test_ista(self, case: str, preset: str) -> None:
        expected = load("ista/schedules")[case]
        rates = self.rates(preset, expected["T"])
        values = expected.get("intended") or expected["batch_gt_256"]
        for epoch, value in zip(expected["epochs"], values, strict=True):
            assert rates[epoch] == pytest.approx(value, rel=1e-9)

    @pytest.mark.parametrize(
        ("case", "preset", "changes"),
        [
            (0, "prdarts-cifar", {}),
            (1, "prdarts-imagenet", {}),
            (2, "prdarts-imagenet", {"learning_rate": 0.5, "warm_up_epochs": 5, "warm_up": "scaled"}),
        ],
    )
    def test_prdarts(self, case: int, preset: str, changes: dict[str, Any]) -> None:
        expected = load("prdarts/retrain")["cases"][case]
        rates = self.rates(preset, expected["epochs"], **changes)
        for epoch, value in zip(expected["epoch"], expected["lr"], strict=True):
            assert rates[epoch] == pytest.approx(value, abs=1e-9)

    @pytest.mark.parametrize("case", load("drnas/schedules")["evaluation"], ids=lambda case: case["name"])
    def test_drnas(self, case: dict[str, Any]) -> None:
        changes = {"learning_rate": case["lr"], "warm_up_epochs": case.get("lr_warmup_epochs", 0)}
        changes["schedule"] = "linear" if "linear" in case["name"] else "cosine"
        for epoch, value in enumerate(self.rates("drnas-imagenet", 250, **changes) if case["epochs"] == 250 else []):
            assert value == pytest.approx(case["lr_per_epoch"][epoch], rel=1e-5, abs=1e-8)


class TestWeights:
    def test_a_run_leaves_a_network_that_can_be_rebuilt(self, tmp_path: Path) -> None:
        run = Retraining(DRNAS, folder=tmp_path, epochs=1)
        run.epoch()
        run.context.artifacts.weights(run.trainer.weights())
        images = torch.randn(3, 3, 16, 16)
        with torch.no_grad():
            expected = run.trainer.network.eval()(images)
            torch.testing.assert_close(rebuild(tmp_path)(images), expected, rtol=1e-5, atol=1e-5)
            assert rebuild(tmp_path, best=True)(images).shape == (3, 10)

    def test_evaluating_given_weights_trains_nothing(self, tmp_path: Path) -> None:
        run = Retraining(folder=tmp_path)
        accuracy = run.reports()[-1].metrics["test_accuracy"]
        before = weights(run)
        again = Retraining(evaluate_only=True)
        load_matching(again.trainer.network, before, "test")
        report = again.epoch()
        assert report.metrics.keys() == {"test_accuracy", "test_loss"}
        assert report.metrics["test_accuracy"] == accuracy
        assert again.trainer.epoch == again.trainer.epochs == 1
        assert same(weights(again), before)

    def test_weights_nested_and_prefixed_by_public_code_are_read(self, tmp_path: Path) -> None:
        state = weights(Retraining())
        torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "a.pth")
        safetensors.torch.save_file(state, tmp_path / "a.safetensors")
        for name in ("a.pth", "a.safetensors"):
            network = Retraining(seed=5).trainer.network
            load_matching(network, read_weights(tmp_path / name), name)
            assert same(network.state_dict(), state)

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda state: state | {f"{name.rpartition('.')[0]}.total_ops": torch.zeros(1) for name in state},
            lambda state: state | {"total_ops": torch.zeros(1), "total_params": torch.zeros(1)},
            lambda state: {"n_averaged": torch.tensor(3)} | {f"module.{name}": value for name, value in state.items()},
            lambda state: {f"_orig_mod.module._orig_mod.{name}": value for name, value in state.items()},
            lambda state: {"state_dict": {f"net.{name}": value for name, value in state.items()}, "epoch": 3},
            lambda state: {"net": state, "acc": 95.1},
            lambda state: {name: value for name, value in state.items() if "num_batches_tracked" not in name},
        ],
        ids=["thop", "thop's root", "averaged", "wrapped thrice", "lightning", "nested", "no counters"],
    )
    def test_what_tools_add_to_weights_is_ignored(self, wrap: Any, tmp_path: Path) -> None:
        state = weights(Retraining())
        torch.save(wrap(state), tmp_path / "w.pt")
        network = Retraining(seed=5).trainer.network
        load_matching(network, read_weights(tmp_path / "w.pt"), "it")
        assert all(
            torch.equal(value, state[name]) for name, value in network.state_dict().items() if "num_b" not in name
        )

    def test_the_layers_that_differ_are_named(self) -> None:
        network = Retraining().trainer.network
        state = {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}
        first, second, *_, last = state
        del state[first]
        state[second] = torch.zeros(3)
        with pytest.raises(UsageError) as caught:
            load_matching(network, state | {"other.weight": torch.zeros(1)}, "it", "Set layers.")
        assert str(caught.value) == (
            f"it belongs to another network: it lacks '{first}'; has 'other.weight', which this network does not have; "
            f"'{second}' has the shape (3,) instead of {tuple(network.state_dict()[second].shape)}. Set layers."
        )
        with pytest.raises(UsageError, match=f"lacks .* and {len(state) - 3} more"):
            load_matching(network, {last: state[last]}, "it")

    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (lambda path: path.write_bytes(b"nothing of the kind"), "damaged"),
            (lambda path: path.write_bytes(torch_file({"a": torch.ones(2)})[:-40]), "damaged"),
            (lambda path: torch.save({"a": Bomb()}, path), "more than weights"),
            (lambda path: torch.save([1, 2], path), "holds no weights"),
            (lambda path: None, "cannot be read"),
        ],
        ids=["no checkpoint", "truncated", "bomb", "no weights", "absent"],
    )
    def test_bad_files_are_refused(self, make: Any, says: str, tmp_path: Path) -> None:
        make(tmp_path / "w.pt")
        with pytest.raises(UsageError, match=says):
            read_weights(tmp_path / "w.pt")
        assert not (tmp_path / "exploded").exists()

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (lambda state: {**state, "head.classifier.weight": torch.zeros(100, 16)}, "100 classes"),
            (lambda state: {**state, "body.0.0.weight": torch.zeros(8, 3, 3, 3)}, "has the shape"),
            (lambda state: {**state, "other.weight": torch.zeros(1)}, "another network"),
            (lambda state: {name: state[name] for name in list(state)[3:]}, "lacks"),
        ],
        ids=["classes", "shape", "extra", "missing"],
    )
    def test_weights_of_another_network_are_refused(self, change: Any, says: str) -> None:
        network = Retraining().trainer.network
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        with pytest.raises(UsageError, match=says):
            load_matching(network, change(before), "it")
        assert same(network.state_dict(), before)


class Bomb:
    """A pickle that would touch a file when opened."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("exploded"),))


def torch_file(content: Any) -> bytes:
    import io

    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


class TestStep:
    """What a step asks of the device: CUDA graphs can only capture a step that never waits."""

    def test_it_reads_nothing_back_and_computes_each_loss_once(self) -> None:
        run = Retraining(DRNAS, drop_path=0.3)
        run.epoch()  # drop path begins in the second epoch
        losses = Calls("nll_loss_forward")
        with Waiting(set()) as waiting, losses:
            run.advance(2)
        assert run.trainer.state()["step"] == 2
        assert waiting.found == []
        assert losses.count == 2 * 2  # one of the classifier and one of the auxiliary head


class Calls(TorchDispatchMode):
    """Counts the calls of one operation."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.count = name, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func._schema.name == f"aten::{self.name}"
        return func(*args, **(kwargs or {}))
