"""The help of every command: whole sentences in 80 columns, no types of Python, and examples that are valid."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer

from nastui.cli import application, completion
from nastui.cli.command_words import first_line
from nastui.cli.examples import EXAMPLES
from runs import catalogue
from runs.catalogue import library
from runs.store.status import Status
from tests.command_tree import commands, is_group, parse

COMMANDS = commands()


def help_of(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    context = typer.main.get_command(application.app).make_context("nastui", [], resilient_parsing=True)
    for word in words:
        command: Any = context.command
        below = command.get_command(context, word)
        context = below.make_context(word, [], parent=context, resilient_parsing=True)
    return str(context.get_help())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_in_80_columns(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    text = help_of(words, monkeypatch)
    assert max(map(len, text.splitlines())) <= 80
    assert "Examples:" in text
    # No type of Python, no range as an inequality, nothing cut.
    assert not re.search(r"<(str|int|float|path|bool|list)|list\[|<=x|\{\w+\}", text), text
    assert not re.search(r"[a-z](\.\.\.|…)$", text, re.MULTILINE), text


def test_the_tree_has_the_first_lines_of_the_help() -> None:
    told = {name: text for name, _, _, _, text in application._TREE}
    assert told == {words[0]: first_line(command.help) for words, command in COMMANDS.items() if len(words) == 1}


def test_every_command_has_examples_and_they_are_valid() -> None:
    assert set(EXAMPLES) >= {" ".join(words) for words, command in COMMANDS.items() if not is_group(command)}
    assert set(EXAMPLES) <= {" ".join(words) for words in COMMANDS}
    for path, lines in EXAMPLES.items():
        for line in lines:
            command = line.partition("   ")[0]
            assert command.startswith(f"nastui {path}".strip())
            parse(command)


def test_completion_knows_the_names_of_the_catalogue() -> None:
    assert sorted(completion.methods("")) == sorted(catalogue.methods())
    assert sorted(completion.spaces("")) == sorted(catalogue.spaces())
    assert completion.datasets("") == list(catalogue.datasets())
    assert completion.methods("drn") == ["drnas"]
    assert completion.statuses("") == list(Status)


def test_completion_of_genotypes_runs_and_hyperparameters(
    home: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.synthetic import make_run

    first, _ = make_run(home.root, done=1)
    second, _ = make_run(home.root, done=1)
    context: Any = typer.main.get_command(application.app).make_context("nastui", [], resilient_parsing=True)
    assert set(completion.runs(context, "")) == {first.id, second.id, "latest"}
    assert completion.runs(context, second.id[:7]) == [second.id]
    published = [cell.name for cell in library.published()]
    assert completion.genotypes(context, "") == [*published, *completion.runs(context, "")]
    monkeypatch.setenv("COMP_WORDS", "nastui search drnas --set learning")
    assert completion.settings("learning") == ["learning_rate=", "learning_rate_min="]
    assert "paper" in completion.presets("p")
