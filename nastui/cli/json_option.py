"""The option ``--json`` of most commands; ``runs log`` and those that start runs describe their own."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
