"""What papers print of their methods, to stand beside runs: data of ``published.toml``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from typing import Any

from runs.catalogue.library import Figure

COLUMNS = ("published", "test", "parameters", "GPU-days", "source")


@dataclass(frozen=True)
class Reference:
    """One figure of a method, on the test set.

    Attributes:
        method: as the tables call it.
        space: the space whose tables print it.
        figure: data set, value in percent, spread, costs and source.
    """

    method: str
    space: str
    figure: Figure

    def row(self) -> list[str]:
        """Return it as :data:`COLUMNS` of a table."""
        figure = self.figure
        return [
            self.method,
            str(figure),
            f"{figure.parameters_m:g} M" if figure.parameters_m else "-",
            f"{figure.gpu_days:g}" if figure.gpu_days else "-",
            "; ".join(filter(None, (figure.source, figure.note))),
        ]


@functools.cache
def references() -> tuple[Reference, ...]:
    """Return every figure, method by method."""
    raw = tomllib.loads(resources.files(__package__).joinpath("published.toml").read_text(encoding="utf-8"))
    return tuple(
        Reference(method["name"], method["space"], _figure(figure, raw["sources"]))
        for method in raw["methods"]
        for figure in method["figures"]
    )


def beside(compared: Collection[tuple[str, str]]) -> list[Reference]:
    """Return the figures of these pairs of space and data set."""
    return [reference for reference in references() if (reference.space, reference.figure.dataset) in compared]


def _figure(raw: dict[str, Any], sources: dict[str, str]) -> Figure:
    return Figure(**(raw | {"source": "; ".join(sources[letter] for letter in raw["source"].split())}))
