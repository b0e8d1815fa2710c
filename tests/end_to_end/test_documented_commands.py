"""Every command of the documentation does what its page says, or at least exists as it is written.

Each fenced block of ``sh`` is typed line by line in a home of its own; every command must end with 0. A block that
cannot be run here has a comment above it that says why::

    <!-- not run: needs a GPU -->

Its commands are then only checked: names, options and values exist, and a search or retraining could be configured.
``RUN``, ``SWEEP``, ``GENOTYPE``, ``FOLDER`` and paths that begin with ``/data/`` stand for those of the reader.
"""

from __future__ import annotations

import copy
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from nastui.cli import main, starting
from nastui.cli.old_names import renewed
from runs.catalogue import datasets
from runs.configuration import Draft, draft_from, resolve
from runs.fleet import sweep_planning
from runs.fleet.sweep_store import SweepStore
from runs.home import Home
from runs.log.event_log import EventLog
from runs.store.run_store import RunStore
from tests.command_tree import commands as every_command
from tests.end_to_end.conftest import Cli, commands
from tests.house.test_house import DOCS, ROOT
from tests.synthetic import course, make_run

PAGES = ["README.md", "CONTRIBUTING.md", *sorted(map(str, DOCS))]
BLOCK = re.compile(r"(?:^<!-- not run: ([^\n]+) -->\n\s*)?^( *)```sh\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
REASONS = ("needs ", "takes ", "on another machine")
INLINE = re.compile(r"(?<!`)`(nastui [^`]+)`(?!`)")
OPERATORS = {";", "&&", "||", "|", "&", "(", ")"}
ASKING = {"rm", "remove", "empty-trash"}  # the reader says yes
MISTYPED = {"nastui logs latest"}  # on purpose
GENOTYPE = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|"


@dataclass(frozen=True)
class Block:
    """A fenced block of shell commands.

    Attributes:
        page, line: where it is.
        reason: why it is not run; empty if it is.
        text: its lines.
    """

    page: str
    line: int
    reason: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[list[str]]:
        """Its simple commands, each as words."""
        text = re.sub(r"\\\n", " ", self.text)
        text = re.sub(r"\b\w+=\$\((.*?)\)", r"\1", text)  # id=$(nastui ...)
        found: list[list[str]] = []
        for line in text.splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()")
            lexer.whitespace_split, lexer.commenters = True, "#"
            words: list[str] = []
            for word in [*lexer, ";"]:
                if word not in OPERATORS:
                    words.append(word)
                elif words:
                    found.append(words)
                    words = []
        return [_unredirected(words) for words in found]


def _unredirected(words: list[str]) -> list[str]:
    """Return a command without ``> FILE`` and without the variables before it."""
    if ">" in words:
        del words[(at := words.index(">")) : at + 2]
    while words and re.fullmatch(r"\w+=.*", words[0]):
        del words[0]
    return words


def _blocks() -> Iterator[Block]:
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start(3)) + 1
            yield Block(page, line, match[1] or "", re.sub(rf"^{match[2]}", "", match[3], flags=re.MULTILINE))


BLOCKS = list(_blocks())


def _of_nastui(words: list[str]) -> list[str] | None:
    """Return the arguments of nastui in a command such as ``ssh -t server nastui runs list``; None without it."""
    at = next((index for index, word in enumerate(words) if word in ("nastui", ".venv/bin/nastui")), None)
    installs = "install" in words or "venv" in words
    return None if at is None or installs else words[at + 1 :]


class Reader:
    """A reader of the documentation: a home with runs, a folder with files, and words for the placeholders.

    Attributes:
        cli: commands in the home.
        runs: the ids of runs, finished ones first.
    """

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        root = cli.home.root
        sweeps = SweepStore(RunStore(cli.home))
        draft = Draft(method="drnas", preset="quick", options={"epochs": 4})
        grid = {"learning_rate": ("0.01", "0.025")}
        self.sweep = sweeps.create(sweep_planning.plan(sweeps.runs, draft, range(2), grid))
        for number, member in enumerate(self.sweep.members[:3]):
            with EventLog(cli.home.run(member.run).events) as log:
                for event in course(4, 4, seed=number):
                    log.append(event)
        unfinished = [make_run(root, epochs=20, done=2, seed=3)[0].id, make_run(root, done=0)[0].id]
        self.runs = [make_run(root, epochs=20, seed=seed, tags=["paper"])[0].id for seed in range(3)]  # the latest
        self.runs += unfinished
        self.data = root.parent / "data"
        for part in ("train/a", "train/b", "test/a", "test/b"):
            for name in ("imagenet", "flowers"):
                (self.data / name / part).mkdir(parents=True)
                (self.data / name / part / "1.png").touch()
        for page, kind, name in (
            ("slurm", "toml", root / "config.toml"),
            ("sweeps", "toml", cli.folder / "sweep.toml"),
            ("howto/table", "text", cli.folder / "results.csv"),
        ):
            text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
            name.write_text(re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[0])
        with (root / "config.toml").open("a") as file:
            file.write('[slurm.cpu]\ncpus = 4\n[slurm.gpu]\ngres = "gpu:1"\n')
        (cli.folder / "best.safetensors").touch()
        for name in (name for dataset in datasets().values() for name in dataset.requires):
            (cli.home.datasets / name).parent.mkdir(parents=True, exist_ok=True)
            (cli.home.datasets / name).touch()

    def moved(self, cli: Cli) -> Reader:
        """Return the same reader with a copy of the home."""
        copied = copy.copy(self)
        copied.cli, copied.data = cli, cli.home.root.parent / "data"
        return copied

    def filled(self, words: list[str]) -> list[str]:
        """Return words with the placeholders replaced: each ``RUN`` of a command is another run."""
        runs = iter(self.runs)
        found = []
        for word in words:
            if word in ("RUN", "$run", "$id"):
                word = next(runs)  # noqa: PLW2901
            found.append(
                word.replace("SWEEP", self.sweep.id)
                .replace("GENOTYPE", GENOTYPE)
                .replace("FOLDER", str(self.cli.home.root.parent / "given"))
                .replace("/data/", f"{self.data}/")
            )
        return found


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader whose home is not changed."""
    with commands(tmp_path_factory.mktemp("prepared")) as cli:
        yield Reader(cli)


@pytest.fixture
def reader(prepared: Reader, tmp_path: Path) -> Iterator[Reader]:
    """A reader with a home of its own."""
    with commands(tmp_path) as cli:
        shutil.copytree(prepared.cli.home.root.parent, tmp_path, dirs_exist_ok=True)
        yield prepared.moved(cli)


def test_there_are_blocks_of_both_kinds() -> None:
    assert sum(not block.reason for block in BLOCKS) >= 10
    assert sum(bool(block.reason) for block in BLOCKS) >= 10
    assert len({block.page for block in BLOCKS}) >= 15


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.reason], ids=str)
def test_a_block_that_is_not_run_says_why(block: Block) -> None:
    assert block.reason.startswith(REASONS)


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.reason], ids=str)
def test_a_command_ends_with_success(block: Block, reader: Reader) -> None:
    for words in block.commands:
        arguments = _of_nastui(words)
        assert arguments is not None and words[0] == "nastui", f"{words}: <!-- not run: REASON --> above the block"
        agreed = ["--yes"] if ASKING & set(arguments) and "--yes" not in arguments else []
        done = reader.cli(*reader.filled(arguments), *agreed, timeout=30)
        assert "is now" not in done.stderr, done.stderr


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.reason], ids=str)
def test_a_command_that_is_not_run_exists(
    block: Block, prepared: Reader, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NASTUI_HOME", str(prepared.cli.home.root))
    monkeypatch.chdir(prepared.cli.folder)
    monkeypatch.setattr("runs.slurm.submission.check_available", lambda: None)
    monkeypatch.setattr(starting, "begin", _configure)
    monkeypatch.setattr("nastui.cli.application._dashboard", lambda *_: 0)
    invoked = typer.core.TyperCommand.invoke

    def only_configure(command: Any, context: Any) -> Any:
        return invoked(command, context) if context.info_name in ("search", "retrain") else None

    monkeypatch.setattr(typer.core.TyperCommand, "invoke", only_configure)
    for words in block.commands:
        if words[0] == "export":
            _export(words[1:], monkeypatch)
        arguments = _of_nastui(words)
        if arguments is None:
            continue
        monkeypatch.setattr(sys, "argv", ["nastui", *prepared.filled(arguments)])
        try:
            main()
        except SystemExit as end:
            assert not end.code, (words, capsys.readouterr().err)
        assert "now" not in capsys.readouterr().err, words


def _export(assignments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, _, value in (word.partition("=") for word in assignments):
        monkeypatch.setenv(name, value)
        if name == "PYTHONPATH":
            monkeypatch.syspath_prepend(ROOT / value)


def _configure(given: dict[str, Any], many: Any, slurm_options: Any, **_: Any) -> None:
    """Check a search or a retraining as far as that is possible without starting it."""
    slurm_options.target(Home.locate(), queued=many.queue, per_device=many.per_device)
    sweep = many.taken_from(given)
    draft = draft_from(given)
    if sweep is None:
        resolve(draft, "cuda:0")
    else:
        seeds, grid, _ = sweep
        sweep_planning.plan(RunStore(Home.locate()), draft.model_copy(update={"device": "cpu"}), seeds or (0,), grid)


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_in_a_text_exist_with_their_options(page: str) -> None:
    known = every_command()
    wrong = []
    text = re.sub(r"^ *```.*?^ *```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(
        r"^\| `nastui [^`]+` \| (?=`nastui )", "| ", text, flags=re.MULTILINE
    )  # an old name, beside the new one
    for line in INLINE.findall(text):
        words, _ = renewed(line.replace("\\|", "|").split()[1:])
        path: tuple[str, ...] = ()
        while words and (*path, words[0]) in known:
            path = (*path, words.pop(0))
        options = {name for at in range(len(path) + 1) for one in known[path[:at]].params for name in one.opts}
        typed = {word.split("=")[0].rstrip(",.") for word in words if word.startswith("--")}
        is_placeholder = (
            not words or not re.fullmatch(r"[a-z][\w-]*", words[0]) or not getattr(known[path], "commands", 0)
        )
        if not is_placeholder or typed - options - {"--help", "--home", "--json"}:
            wrong.append(line)
    assert set(wrong) <= MISTYPED


def test_every_key_of_a_run_in_json_is_explained(prepared: Reader) -> None:
    text = (ROOT / "docs" / "howto" / "scripts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(prepared.cli.json("runs", "list")[0])
