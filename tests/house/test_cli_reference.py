"""docs/cli.md names every command with the first line of its help, and every exit code."""

from __future__ import annotations

import re
from pathlib import Path

from runs import errors
from tests.command_tree import commands, is_group

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def test_it_lists_every_command_and_no_other() -> None:
    """A command that is missing here needs the row that this test prints."""
    rows = [
        f"| `nastui {' '.join(words)}` | {command.help.strip().splitlines()[0].strip()} |"
        for words, command in commands().items()
        if words and not is_group(command)
    ]
    listed = re.findall(r"^\| `nastui .*$", PAGE.partition("## Old names")[0], re.MULTILINE)
    assert sorted(rows) == sorted(listed)


def test_it_lists_the_exit_codes_of_errors() -> None:
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    listed = {int(code) for code in re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE)}
    assert listed == codes | {0}
