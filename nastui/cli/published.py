"""Published results beside the user's own runs."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

from nastui.cli import output
from runs.benchmarks.published import COLUMNS, Reference


def described(references: Sequence[Reference]) -> list[dict[str, Any]]:
    """Return the published results as JSON objects."""
    return [
        {"method": reference.method, "space": reference.space, **dataclasses.asdict(reference.figure)}
        for reference in references
    ]


def printed(references: Sequence[Reference]) -> None:
    """Print the published results as a table, or a message that there are none."""
    if not references:
        output.say("There are no published results for this space and data set.")
        return
    sys.stdout.write("\n")
    output.table(COLUMNS, (reference.row() for reference in references))
