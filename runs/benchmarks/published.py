"""Published results of methods, to compare with runs; the data are in ``published.toml``."""

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
    """A published test result of a method.

    Attributes:
        method: its name in the published tables.
        space: the search space of the result.
        figure: data set, value in percent, spread, costs and source.
    """

    method: str
    space: str
    figure: Figure

    def row(self) -> list[str]:
        """Return it as a row of a table with the columns :data:`COLUMNS`."""
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
    """Return every published result, method by method."""
    raw = tomllib.loads(resources.files(__package__).joinpath("published.toml").read_text(encoding="utf-8"))
    return tuple(
        Reference(method["name"], method["space"], _figure(figure, raw["sources"]))
        for method in raw["methods"]
        for figure in method["figures"]
    )


def beside(compared: Collection[tuple[str, str]]) -> list[Reference]:
    """Return the published results for these pairs of space and data set."""
    return [reference for reference in references() if (reference.space, reference.figure.dataset) in compared]


def _figure(raw: dict[str, Any], sources: dict[str, str]) -> Figure:
    return Figure(**(raw | {"source": "; ".join(sources[letter] for letter in raw["source"].split())}))
