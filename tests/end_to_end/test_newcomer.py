"""What a newcomer types and what comes back: tests/end_to_end/newcomer.md. The old command lines of README 0.1, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from runs.home import Home
from tests.command_tree import parse
from tests.in_process import Typing
from tests.synthetic import make_run

PAGE = Path(__file__).with_name("newcomer.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(nastui[^`]*)` \| (\d) \| (.*) \|$", re.MULTILINE)
SECTIONS = [section.partition("\n") for section in PAGE.split("\n## ")[1:]]
LINES = [(title, *row) for title, _, text in SECTIONS for row in ROW.findall(text)]
# Command lines that need more than this process: their right use is tested elsewhere.
README_0_1 = Path(__file__).with_name("readme_0_1.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def typing(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typing:
    home.prepare()
    return Typing(monkeypatch, capsys)


def test_the_table_has_at_least_60_lines() -> None:
    assert len(LINES) == PAGE.count("\n| `nastui") >= 60


@pytest.mark.parametrize(("title", "line", "code", "says"), LINES, ids=[line for _, line, *_ in LINES])
def test_a_newcomer_types(typing: Typing, home: Home, title: str, line: str, code: str, says: str) -> None:
    if title.startswith("With two runs"):
        make_run(home.root, done=2, ended=False)
        _, paths = make_run(home.root, name="baseline")
        paths.log.write_text("an engine said this\n")
    before = sorted(home.root.rglob("*/config.json"))

    answer = typing(line)

    assert says in answer.out + answer.said
    assert answer.code == int(code)
    assert "Traceback" not in answer.said
    assert sorted(home.root.rglob("*/config.json")) == before
    if answer.code > 1 and line != "nastui runs":  # which is answered by its help
        assert answer.out == ""
        assert len(answer.said.splitlines()) == 1 + (title == "Old names")
    if suggested := re.search(r"Type: (nastui.*?)(?: \(|$)", answer.said, re.MULTILINE):
        _is_right(suggested[1])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("genotypes --json", "genotype list --json"),
        ("datasets --json", "dataset list --json"),
        ("datasets digits --json", "dataset list digits --json"),
        ("datasets digits --download --json", "dataset fetch digits --json"),
        ("runs remove latest --yes --json", "runs rm latest --yes --json"),
    ],
)
def test_an_old_name_prints_the_same(typing: Typing, old: str, new: str) -> None:
    before, now = typing(old), typing(new)
    assert (before.out, before.code) == (now.out, now.code)
    assert before.said.partition("\n")[2] == now.said


@pytest.mark.parametrize("line", ["search drnas quick", "nonsense", "search drnas --lr 1"])
def test_a_plugin_that_cannot_be_imported_does_not_break_the_answer(
    typing: Typing, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setenv("NASTUI_PLUGINS", "nastui_no_such_plugin")
    answer = typing(line)
    assert answer.code == 2
    assert len(answer.said.splitlines()) == 1


@pytest.mark.parametrize("line", README_0_1)
def test_command_lines_of_the_readme_of_0_1_are_still_right(line: str) -> None:
    _is_right(line)


def _is_right(line: str) -> None:
    """Check that a command line can be parsed; one without a run is answered by an example of it."""
    try:
        parse(line)
    except typer.Exit:  # --help, --version
        return
    except typer.TyperException as error:
        assert type(error).__name__ == "MissingParameter", (line, error)
