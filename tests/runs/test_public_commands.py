"""Presets do what the command lines of the public repositories did: each shared value is the same.

The values are in tests/data/public_commands.toml; docs/methods/commands.md has the commands and what differs.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from runs.configuration import Draft, RunConfig, resolve
from runs.home import Home
from runs.store.find_genotype import find
from runs.store.retraining import asked
from runs.store.run_store import RunStore

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "methods" / "commands.md").read_text(encoding="utf-8")
COMMANDS = tomllib.loads((ROOT / "tests" / "data" / "public_commands.toml").read_text(encoding="utf-8"))["commands"]


def configured(command: str, home: Home) -> RunConfig:
    """Return the configuration of a command line of `nastui search` or `nastui retrain`."""
    program, verb, what, *words = shlex.split(command)
    assert (program, verb) in {("nastui", "search"), ("nastui", "retrain")}
    options = dict(zip(words[::2], words[1::2], strict=True))
    given: dict[str, Any] = {key[2:]: value for key, value in options.items() if key != "--set"}
    settings = dict(word.split("=") for key, word in zip(words[::2], words[1::2], strict=True) if key == "--set")
    subject = {"method": what} if verb == "search" else asked(find(what, RunStore(home)))
    return resolve(Draft(**subject, **given, options=settings, device="cpu"))


def row(command: dict[str, Any]) -> str:
    """Return the command's row in the table of the page."""
    return f"| `{command['line']}` | `{command['nastui']}` | {'; '.join(command['differences']) or 'nothing'} |"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command["line"][:80])
def test_every_value_is_the_public_one(command: dict[str, Any], home: Home) -> None:
    config = configured(command["nastui"], home)
    ours = config.options | {"seed": config.seed, "dataset": config.dataset}
    assert {name: ours[name] for name in command["values"]} == command["values"]
    assert len(command["values"]) >= 5


def test_the_page_has_every_command_and_what_differs() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert rows == [row(command) for command in COMMANDS]
    headings = re.findall(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    assert headings == list(dict.fromkeys(command["repository"] for command in COMMANDS))
