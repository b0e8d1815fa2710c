"""The New run screen, and the form behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from nastui.app import NastuiApp
from runs.configuration import Draft, RunConfig, resolve
from runs.errors import EnvironmentLacksError
from runs.fleet.sweep_store import SweepStore
from runs.home import Home, RunPaths
from runs.store.find_genotype import find
from runs.store.labels import Labels
from runs.store.lock import engine_lock
from runs.store.queue import Queue
from runs.store.run_store import RunStore
from runs.store.status import Status
from screens.run.screen import RunScreen
from screens.starting.new_run import NewRunScreen
from screens.starting.retrain_form import RetrainForm
from screens.starting.run_form import RunForm
from screens.starting.slurm_profiles import SlurmProfiles
from screens.sweep.screen import SweepScreen
from screens.widgets.confirm import Confirm
from screens.widgets.field import Choice, Field
from screens.widgets.header import Header
from screens.widgets.pick_list import PickList
from tests.end_to_end.slurm import FakeSlurm
from tests.screens.driving import text, toasts, until


class Started:
    """Stands in for `new_run.start`: creates the run, starts no engine."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []

    def __call__(self, store: RunStore, draft: Draft) -> tuple[RunConfig, RunPaths]:
        self.drafts.append(draft)
        config = resolve(draft)
        return config, store.create(config, Labels(draft.name))


@asynccontextmanager
async def form(
    home: Path, start: Any = None, size: tuple[int, int] = (80, 24), preset: str = "paper"
) -> AsyncIterator[Pilot[Any]]:
    app = NastuiApp(Home(home))
    async with app.run_test(size=size) as pilot:
        await app.push_screen(NewRunScreen(app.store, preset=preset, start=start or Started()))
        await until(pilot, lambda: command(pilot) != "")
        yield pilot


def screen(pilot: Pilot[Any]) -> NewRunScreen:
    found = pilot.app.screen_stack[1]
    assert isinstance(found, NewRunScreen)
    return found


def said(pilot: Pilot[Any], selector: str) -> str:
    return str(screen(pilot).query_one(selector, Static).content)


def command(pilot: Pilot[Any]) -> str:
    return said(pilot, "#command")


def field(pilot: Pilot[Any], name: str) -> Field:
    return screen(pilot).query_one(f"#field-{name}", Field)


async def enter(pilot: Pilot[Any], name: str, text: str) -> None:
    line = field(pilot, name).query_one(Input)
    line.focus()
    line.value = ""
    await pilot.pause()
    await pilot.press(*["full_stop" if c == "." else "slash" if c == "/" else "minus" if c == "-" else c for c in text])
    await pilot.pause()


async def test_the_demonstration_takes_four_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Started()
    opened: list[str] = []
    async with form(tmp_path, start) as pilot:
        monkeypatch.setattr(screen(pilot), "on_start_ended", lambda event: opened.append(event.run_id))
        await pilot.press("enter", "j", "ctrl+s")
        await until(pilot, lambda: bool(start.drafts))
    assert start.drafts[0].preset == "quick"
    assert resolve(start.drafts[0]).dataset == "digits"
    assert start.drafts[0].options == {}


async def test_starting_opens_the_run(tmp_path: Path) -> None:
    from screens.run.screen import RunScreen

    async with form(tmp_path, preset="quick") as pilot:
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        assert len(RunStore(Home(tmp_path)).records()) == 1


async def test_a_start_that_fails_is_one_sentence_and_the_form_stays(tmp_path: Path) -> None:
    def refuse(store: RunStore, draft: Draft) -> tuple[RunConfig, RunPaths]:
        raise EnvironmentLacksError("The disk is full.", "Free some space.")

    async with form(tmp_path, refuse, preset="quick") as pilot:
        await pilot.press("ctrl+s")
        await until(pilot, toasts)
        assert toasts() == "The disk is full. Free some space."
        assert isinstance(pilot.app.screen, NewRunScreen)


async def test_a_wrong_value_is_told_under_its_field_while_typing(tmp_path: Path) -> None:
    start = Started()
    async with form(tmp_path, start, preset="quick") as pilot:
        await enter(pilot, "epochs", "0")
        assert field(pilot, "epochs").view.problem == "must be a whole number 1 … 100000."
        assert field(pilot, "epochs").size.height == 2
        assert "epochs" in said(pilot, "#outcome")
        screen(pilot).query_one("#presets").focus()
        await pilot.press("ctrl+s")
        assert not start.drafts
        assert pilot.app.focused is field(pilot, "epochs").query_one(Input)
        await enter(pilot, "epochs", "7")
        assert field(pilot, "epochs").view.problem == ""
        await until(pilot, lambda: "--set epochs=7" in command(pilot))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(start.drafts))
        assert start.drafts[0].options == {"epochs": 7}


async def test_what_was_typed_stays_when_the_preset_changes(tmp_path: Path) -> None:
    async with form(tmp_path) as pilot:
        await enter(pilot, "batch_size", "32")
        screen(pilot).query_one("#presets", PickList).focus()
        await pilot.press("j")
        await until(pilot, lambda: "--preset quick" in command(pilot))
        assert field(pilot, "batch_size").query_one(Input).value == "32"
        assert field(pilot, "epochs").query_one(Input).value == "30"
        assert field(pilot, "dataset").query_one(Input).value == "digits"
        assert command(pilot).endswith("--set batch_size=32")


async def test_an_emptied_field_goes_back_to_the_preset(tmp_path: Path) -> None:
    async with form(tmp_path, preset="quick") as pilot:
        await enter(pilot, "epochs", "9")
        await enter(pilot, "epochs", "")
        await pilot.press("down")
        assert field(pilot, "epochs").query_one(Input).value == "30"
        assert not field(pilot, "epochs").view.typed


async def test_arrows_move_between_fields_and_change_choices(tmp_path: Path) -> None:
    async with form(tmp_path, preset="quick") as pilot:
        field(pilot, "cells").query_one(Input).focus()
        await pilot.press("down")
        assert pilot.app.focused is field(pilot, "batch_norm").query_one(Choice)
        await pilot.press("right")
        await until(pilot, lambda: "--set batch_norm=batch" in command(pilot))
        assert field(pilot, "batch_norm").view.notes == ("≠ paper running",)
        await pilot.press("up")
        assert pilot.app.focused is field(pilot, "cells").query_one(Input)
        assert "Cells in each" in said(pilot, "#help")


async def test_a_data_set_may_be_a_folder_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / "pets" / part / name).mkdir(parents=True)
            (tmp_path / "pets" / part / name / "1.png").touch()
    async with form(tmp_path, preset="quick") as pilot:
        await enter(pilot, "dataset", "cifr10")
        await until(pilot, lambda: "Did you mean 'cifar10'?" in field(pilot, "dataset").view.problem)
        line = field(pilot, "dataset").query_one(Input)
        line.value = str(tmp_path / "pets")
        await until(pilot, lambda: "pets" in command(pilot))
        assert field(pilot, "dataset").view.problem == ""


async def test_leaving_asks_only_where_something_was_typed(tmp_path: Path) -> None:
    async with form(tmp_path) as pilot:
        await enter(pilot, "seed", "5")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("n")
        assert isinstance(pilot.app.screen, NewRunScreen)
        await enter(pilot, "seed", "")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, NewRunScreen))


def shown_fields(pilot: Pilot[Any]) -> list[str]:
    return [field.view.name for field in screen(pilot).query(Field) if field.display]


async def test_fields_are_found_by_name_and_help(tmp_path: Path) -> None:
    async with form(tmp_path) as pilot:
        every = shown_fields(pilot)
        await pilot.press("slash", *"weight", "space", *"decay")
        await until(pilot, lambda: "weight_decay" in shown_fields(pilot) and "epochs" not in shown_fields(pilot))
        sections = [static for static in screen(pilot).query("#settings .heading") if static.display]
        assert 0 < len(sections) < 5
        await pilot.press("enter")
        assert field(pilot, shown_fields(pilot)[0]).query_one(Input).has_focus
        await pilot.press("escape")
        await until(pilot, lambda: shown_fields(pilot) == every)
        assert isinstance(pilot.app.focused, Input), "the focus stays where it was"
        await pilot.press("slash", *"nosuchword")
        await until(pilot, lambda: shown_fields(pilot) == [])
        assert screen(pilot).query_one("#no-field").display
        await pilot.press("enter", "escape")
        await until(pilot, lambda: shown_fields(pilot) == every)
        assert isinstance(pilot.app.screen, NewRunScreen), "the key cleared the search before it leaves"


async def test_a_slash_is_text_where_text_is_typed_and_a_search_elsewhere(tmp_path: Path) -> None:
    async with form(tmp_path, preset="quick") as pilot:
        field(pilot, "epochs").query_one(Input).focus()
        await pilot.press("slash")
        await until(pilot, lambda: screen(pilot).filter.typing)
        assert field(pilot, "epochs").query_one(Input).value == "30"
        await pilot.press("escape")
        await enter(pilot, "dataset", "a/b")
        assert field(pilot, "dataset").query_one(Input).value == "a/b"
        await pilot.press("f3")
        assert screen(pilot).filter.typing


async def test_a_search_survives_another_method_and_shows_a_fault(tmp_path: Path) -> None:
    start = Started()
    async with form(tmp_path, start, preset="quick") as pilot:
        await enter(pilot, "epochs", "0")
        await pilot.press("slash", *"learning", "space", *"rate", "enter")
        await until(pilot, lambda: "epochs" not in shown_fields(pilot))
        screen(pilot).query_one("#methods").focus()
        await pilot.press("k")
        await until(pilot, lambda: screen(pilot).form.method == "darts" and "learning_rate" in shown_fields(pilot))
        assert "epochs" not in shown_fields(pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: pilot.app.focused is field(pilot, "epochs").query_one(Input))
        assert not start.drafts


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (160, 50)])
async def test_help_is_never_cut_and_its_field_stays_in_view(tmp_path: Path, size: tuple[int, int]) -> None:
    """The longest help of any hyperparameter takes five lines at 80 columns."""
    async with form(tmp_path, preset="quick", size=size) as pilot:
        methods = screen(pilot).query_one("#methods", PickList)
        methods.highlighted = methods.get_option_index("reinforce")
        await until(pilot, lambda: screen(pilot).query("#field-evaluator Choice"))
        field(pilot, "evaluator").query_one(Choice).focus()
        await until(pilot, lambda: said(pilot, "#help").startswith("How a cell is evaluated"))
        await pilot.pause()
        help, fields = screen(pilot).query_one("#help"), screen(pilot).query_one("#form")
        drawn = "".join(strip.text for y in range(help.size.height) for strip in [help.render_line(y)])
        assert "".join(drawn.split()) == "".join(said(pilot, "#help").split())
        await until(pilot, lambda: fields.region.contains_region(field(pilot, "evaluator").region))
        assert screen(pilot).query_one("#command").region.bottom <= size[1]


async def test_the_command_is_copied(tmp_path: Path) -> None:
    async with form(tmp_path, preset="quick") as pilot:
        field(pilot, "name").query_one(Input).focus()
        await pilot.press("ctrl+y")
        assert pilot.app.clipboard == "nastui search drnas --space nasbench201 --dataset digits --preset quick --seed 2"


def test_the_form_marks_what_differs_from_the_paper() -> None:
    quick = RunForm(preset="quick")
    assert quick.view("learning_rate").notes == ("≠ paper 0.025", "above 0 … 10")
    assert quick.view("momentum").notes == ("0 … below 1",)
    assert not quick.view("learning_rate").typed
    quick.write("learning_rate", "0.025")
    assert quick.view("learning_rate").notes == ("above 0 … 10",)
    assert quick.view("learning_rate").typed
    assert quick.draft().options == {"learning_rate": 0.025}
    quick.write("epochs", "6")
    assert (quick.view("arch_frozen_epochs").value, quick.view("arch_frozen_epochs").typed) == ("2", False)
    assert quick.check().epochs == 6


def test_the_form_says_what_is_wrong_with_seed_and_device() -> None:
    wrong = RunForm(preset="quick")
    wrong.write("seed", "-1")
    wrong.write("device", "cuda:99")
    faults = wrong.check().faults
    assert faults["seed"].startswith("seed must be between 0 and 2^63-1, got ")
    assert "cuda:99" in faults["device"]
    assert RunForm(preset="quick").check().epochs == 30


class TestManyRuns:
    async def test_seeds_and_values_are_counted_started_and_shown_as_a_sweep(self, tmp_path: Path) -> None:
        home = Home(tmp_path)
        home.prepare()
        home.queue.mkdir(parents=True, exist_ok=True)
        with engine_lock(home.dispatcher):
            async with form(tmp_path, preset="quick", size=(120, 40)) as pilot:
                field(pilot, "seeds").query_one(Input).value = "0-2"
                field(pilot, "vary").query_one(Input).value = "learning_rate=0.01,0.025 batch_size=64,128"
                await until(pilot, lambda: said(pilot, "#outcome").startswith("12 runs · 30 epochs"))
                assert field(pilot, "start").view.value == "queued"
                assert command(pilot).endswith(
                    "--preset quick --seeds 0-2 --grid learning_rate=0.01,0.025 --grid batch_size=64,128"
                )
                assert "--seed " not in command(pilot)
                await pilot.press("ctrl+s")
                await until(pilot, lambda: isinstance(pilot.app.screen, SweepScreen))
            (sweep,) = SweepStore(RunStore(home)).all()
            assert [entry.run for entry in Queue(home).read().waiting] == [member.run for member in sweep.members]
            assert (len(sweep.members), sweep.seeds) == (12, (0, 1, 2))

    @pytest.mark.parametrize(
        ("name", "typed", "problem"),
        [
            ("seeds", "0-3,2", "The seed 2 occurs twice."),
            ("seeds", "few", "must be seeds and ranges."),
            ("vary", "learning_rate", "takes KEY=VALUE,VALUE, got 'learning_rate'."),
            ("vary", "learning_rate=0.1", "The grid's 'learning_rate' has a single value."),
            ("vary", "learning_rat=0.1,0.2", "learning_rat"),
            ("vary", "epochs=0,2", "must be a whole number"),
        ],
    )
    def test_what_is_wrong_stands_at_its_field(self, name: str, typed: str, problem: str) -> None:
        form = RunForm(preset="quick")
        form.write(name, typed)
        assert problem in form.check().faults[name]

    def test_more_than_a_thousand_runs_are_refused_with_their_number(self) -> None:
        form = RunForm(preset="quick")
        form.write("seeds", "0-1999")
        assert "2,000 runs" in form.check().faults["vary"]

    async def test_a_single_run_may_wait_in_the_queue(self, tmp_path: Path) -> None:
        home = Home(tmp_path)
        home.prepare()
        home.queue.mkdir(parents=True, exist_ok=True)
        with engine_lock(home.dispatcher):
            async with form(tmp_path, preset="quick", size=(120, 40)) as pilot:
                field(pilot, "start").query_one(Choice).focus()
                await pilot.press("right")
                await until(pilot, lambda: command(pilot).endswith("--queue"))
                await pilot.press("ctrl+s")
                await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
            assert len(Queue(home).read().waiting) == 1

    @pytest.mark.parametrize("seeds", ["", "0-2"])
    def test_the_command_names_the_runs(self, seeds: str) -> None:
        form = RunForm(preset="quick")
        form.write("name", "first try --seed 3")
        form.write("seeds", seeds)
        assert " --name 'first try --seed 3'" in form.check().command

    def test_a_retraining_repeats_over_seeds(self, home: Home) -> None:
        form = RetrainForm(find("DrNAS_cifar10", RunStore(home)))
        form.write("seeds", "0-2")
        checked = form.check()
        assert (checked.runs, checked.faults) == (3, {})
        assert checked.command.endswith("--preset drnas-cifar --seeds 0-2")


PROFILES = """
[slurm.default]
partition = "main"
[slurm.gpus]
partition = "main"
gres = "gpu:1"
time = "12:00:00"
[slurm.elsewhere]
partition = "secret"
[slurm.anywhere]
[slurm.typo]
cpu = 8
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """Slurm's commands, and its profiles in the home `tmp_path`."""
    fake = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", fake.path)
    fake.answers("sinfo", "main\nfat\n")
    (tmp_path / "config.toml").write_text(PROFILES)
    return fake


class TestSlurm:
    def form(self, home: Path, **typed: str) -> RunForm:
        form = RunForm(preset="quick", slurm=SlurmProfiles.of(Home(home)))
        for name, value in typed.items():
            form.write(name, value)
        return form

    async def test_a_run_is_submitted_with_the_command_below(self, tmp_path: Path, slurm: FakeSlurm) -> None:
        slurm.refuses("squeue", "slurm_load_jobs error: Unable to contact slurm controller\n")  # it stays "submitted"
        async with form(tmp_path, preset="quick", size=(120, 40)) as pilot:
            field(pilot, "start").query_one(Choice).focus()
            await pilot.press("right", "right", "right")
            await until(pilot, lambda: command(pilot).endswith("--preset quick --seed 2 --slurm gpus"))
            told = "30 epochs · Slurm: partition main, gpu:1, 12:00:00"
            await until(pilot, lambda: said(pilot, "#outcome") == told)
            await until(pilot, lambda: field(pilot, "device").view.notes == ("is cuda:0",))
            await pilot.press("ctrl+r")
            await until(pilot, lambda: "measures on this machine" in toasts())
            await pilot.press("ctrl+s")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
            await until(pilot, lambda: "Slurm: submitted · x cancels it" in text(pilot.app.screen, Header))
        (run,) = RunStore(Home(tmp_path)).records()
        assert (run.head["device"], run.status) == ("cuda:0", Status.QUEUED)
        assert run.job is not None and run.job.request["profile"]["name"] == "gpus"
        assert len([call for call in slurm.calls("sbatch") if call.startswith("--parsable")]) == 1

    async def test_a_sweep_is_an_array(self, tmp_path: Path, slurm: FakeSlurm) -> None:
        async with form(tmp_path, preset="quick", size=(120, 40)) as pilot:
            field(pilot, "seeds").query_one(Input).value = "0-2"
            field(pilot, "start").query_one(Choice).focus()
            await until(pilot, lambda: field(pilot, "start").query_one(Choice).value == "queued")
            await pilot.press("right")
            await until(pilot, lambda: command(pilot).endswith("--preset quick --seeds 0-2 --slurm default"))
            await until(pilot, lambda: said(pilot, "#outcome") == "3 runs · 30 epochs · Slurm: partition main")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: isinstance(pilot.app.screen, SweepScreen))
        (script,) = Home(tmp_path).slurm.glob("*.sh")
        assert "#SBATCH --array=0-2\n" in script.read_text()
        assert Queue(Home(tmp_path)).read().waiting == []

    async def test_what_slurm_refuses_is_one_sentence_and_leaves_nothing(
        self, tmp_path: Path, slurm: FakeSlurm
    ) -> None:
        slurm.refuses("sbatch", "sbatch: error: Batch job submission failed: Invalid account\n")
        async with form(tmp_path, preset="quick", size=(120, 40)) as pilot:
            field(pilot, "start").query_one(Choice).focus()
            await pilot.press("right", "right")
            await until(pilot, lambda: command(pilot).endswith("--slurm default"))
            await pilot.press("ctrl+s")
            await until(pilot, toasts)
            assert toasts() == "Slurm refused 'sbatch': Invalid account."
            assert isinstance(pilot.app.screen, NewRunScreen)
        assert RunStore(Home(tmp_path)).records() == []

    @pytest.mark.parametrize(
        ("typed", "name", "problem"),
        [
            ({"start": "slurm elsewhere"}, "start", "the partition 'secret', which the cluster does not have."),
            ({"start": "slurm anywhere"}, "start", "names no partition, and the cluster has no default. Choose one:"),
            ({"start": "slurm typo"}, "start", "[slurm.typo] has no 'cpu'. Did you mean 'cpus'?"),
            ({"start": "slurm gone"}, "start", "There is no Slurm profile 'gone'"),
            ({"start": "slurm default", "device": "cuda:1"}, "device", "with --slurm it must be auto, cpu or cuda."),
            ({"start": "slurm default", "nodes": "two"}, "nodes", "must be a whole number of at least 1, got 'two'."),
            ({"start": "slurm default", "nodes": "3", "gpus": "4"}, "nodes", "4 processes cannot be shared out"),
            ({"start": "slurm default", "vary": "gpus=1,2"}, "vary", "all jobs of an array get the same"),
            ({"nodes": "2"}, "nodes", "is for runs in Slurm; choose a profile of Slurm at 'start'."),
        ],
    )
    def test_what_is_wrong_stands_at_its_field(
        self, tmp_path: Path, slurm: FakeSlurm, typed: dict[str, str], name: str, problem: str
    ) -> None:
        faults = self.form(tmp_path, **typed).check().faults
        assert list(faults) == [name]
        assert problem in faults[name]

    def test_without_slurm_here_the_field_says_so(
        self, tmp_path: Path, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        faults = self.form(tmp_path, start="slurm default").check().faults
        assert faults == {
            "start": "There is no command 'sbatch' here. Slurm must be installed: use a login node of the cluster."
        }

    def test_the_cluster_is_asked_once_for_all_checks(self, tmp_path: Path, slurm: FakeSlurm) -> None:
        form = self.form(tmp_path, start="slurm gpus", gpus="8", nodes="2")
        for _ in range(3):
            checked = form.check()
            assert checked.command.endswith("--set gpus=8 --slurm gpus --nodes 2")
        assert len(slurm.calls("sinfo")) == 1
        assert checked.request is not None
        assert (checked.request.gres, checked.request.nodes, checked.request.processes) == ("gpu:4", 2, 8)

    def test_a_profile_that_was_corrected_meanwhile_is_right(self, tmp_path: Path, slurm: FakeSlurm) -> None:
        form = self.form(tmp_path, start="slurm typo")
        assert form.check().faults
        (tmp_path / "config.toml").write_text(PROFILES.replace("cpu = 8", 'cpus = 8\npartition = "fat"'))
        assert form.check().faults == {}
        assert form.slurm.summary(form.typed) == "Slurm: partition fat, 8 CPUs"

    def test_without_profiles_nothing_is_offered(self, tmp_path: Path) -> None:
        form = self.form(tmp_path)
        assert "nodes" not in [view.name for view in form.head()]
        assert form.view("start").choices == ("now", "queued")

    def test_a_retraining_goes_to_slurm_too(self, tmp_path: Path, slurm: FakeSlurm) -> None:
        found = find("DrNAS_cifar10", RunStore(Home(tmp_path)))
        form = RetrainForm(found, slurm=SlurmProfiles.of(Home(tmp_path)))
        form.write("start", "slurm gpus")
        checked = form.check()
        assert checked.faults == {}
        assert checked.command.endswith("--preset drnas-cifar --seed 0 --slurm gpus")
        assert checked.config is not None and checked.config.device == "cuda:0"
        form.write("nodes", "2")
        assert form.check().faults == {"nodes": "1 process cannot be shared out equally among 2 nodes."}
        form.write("gpus", "4")
        checked = form.check()
        assert checked.command.endswith("--seed 0 --set gpus=4 --slurm gpus --nodes 2")
        assert checked.request is not None and checked.request.gres == "gpu:2"
        form.write("gpus", "x")
        assert "gpus" in form.check().faults[""]
