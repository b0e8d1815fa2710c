"""The library: cells that papers have published, with their published results."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from runs.catalogue.costs import count, standard_shape
from runs.catalogue.entries import Space
from runs.catalogue.genotype_text import parse_text
from runs.errors import NotFoundError
from runs.genotypes.costs import COUNTER, COUNTER_WITH_NORMS, Costs, Shape
from runs.genotypes.genotype import Genotype

_COUNTERS = {"conv": COUNTER, "norms": COUNTER_WITH_NORMS, "own": "counted in a way of the paper's own", None: None}


@dataclass(frozen=True)
class Figure:
    """A published number. Tables that disagree are listed side by side.

    Attributes:
        dataset: ``cifar10``, ``cifar100``, ``imagenet`` or ``imagenet16_120``; the test set.
        metric: ``error`` (top-1 on CIFAR), ``top1_error``, ``top5_error`` or ``accuracy``.
        value: in percent.
        source: the tables that print it.
        std: standard deviation over trainings, in percent.
        parameters_m: millions of parameters printed beside it.
        macs_m: millions of multiply-adds printed beside it; ``counter`` says what they count.
        gpu_days: cost of the search.
        note: what else one must know to compare.
    """

    dataset: str
    metric: str
    value: float
    source: str
    std: float | None = None
    parameters_m: float | None = None
    macs_m: float | None = None
    counter: str | None = None
    gpu_days: float | None = None
    note: str = ""

    def __str__(self) -> str:
        """Return it as text, such as ``cifar10 error 2.76 ± 0.09 %``."""
        spread = f" ± {self.std:g}" if self.std else ""
        return f"{self.dataset} {self.metric.replace('_', ' ')} {self.value:g}{spread} %"

    def in_full(self) -> str:
        """Return it with the numbers printed beside it, and its source."""
        parts = [str(self)]
        parts += [f"{self.parameters_m:g} M parameters"] if self.parameters_m else []
        parts += [f"{self.macs_m:g} M multiply-adds ({self.counter})"] if self.macs_m else []
        parts += [f"search {self.gpu_days:g} GPU-days"] if self.gpu_days else []
        note = f"; {self.note}" if self.note else ""
        return f"{', '.join(parts)} [{self.source}{note}]"


@dataclass(frozen=True)
class Published:
    """A published cell.

    Attributes:
        name: its name in the public repositories.
        title: the name that screens show.
        method: the method that found it.
        source: the paper.
        genotype: the cells.
        recipe: the preset of ``nastui retrain`` that trains it as its paper did.
        norms: batch norm after operations without weights, see :data:`runs.genotypes.cell_networks.NORMS`.
        auxiliary_norm: whether its code normalises twice in the auxiliary head of the ImageNet stem.
        aliases: other names.
        figures: published results.
    """

    name: str
    title: str
    method: str
    source: str
    genotype: Genotype
    recipe: str
    norms: str
    auxiliary_norm: bool
    aliases: tuple[str, ...]
    figures: tuple[Figure, ...]

    @property
    def space(self) -> str:
        """The search space of the genotype."""
        return self.genotype.space

    @property
    def stem(self) -> str:
        """The stem of the network that its recipe trains."""
        return "imagenet" if self.recipe.endswith("imagenet") else "cifar"

    def shape(self, stem: str | None = None) -> Shape:
        """Return the network size at which papers count it, with the given stem or that of its recipe."""
        usual = standard_shape(self.space, stem or self.stem)
        return dataclasses.replace(usual, norms=self.norms, auxiliary_norm=self.auxiliary_norm)

    def costs(self) -> Costs:
        """Return its costs at that size."""
        return count(self.genotype, self.shape())


@functools.cache
def published() -> tuple[Published, ...]:
    """Return every cell of the library, method by method."""
    raw = tomllib.loads(resources.files(__package__).joinpath("library.toml").read_text(encoding="utf-8"))
    return tuple(_published(cell, raw["sources"]) for cell in raw["cells"])


def lookup(name: str) -> Published | None:
    """Return the cell with this name or alias; case, ``-``, ``_`` and spaces do not matter."""
    return _by_name().get(_plain(name))


def get(name: str) -> Published:
    """Return the cell with this name or alias.

    Raises:
        NotFoundError: unknown name; the closest match is suggested.
    """
    found = lookup(name)
    if found is None:
        closest = near(name, most=1)
        raise NotFoundError(
            f"The library has no cell '{name[:80]}'.",
            f"Did you mean '{closest[0]}'?" if closest else "See `nastui genotype list`.",
        )
    return found


def near(name: str, most: int = 3) -> list[str]:
    """Return the names of cells that are close to a name or begin with it, the closest first."""
    plain = _plain(name)
    begin = [key for key in _by_name() if plain and key.startswith(plain)]
    keys = [*begin, *difflib.get_close_matches(plain, _by_name(), n=most)]
    return list(dict.fromkeys(_by_name()[key].name for key in keys))[:most]


def typical(space: Space) -> Genotype:
    """Return the genotype whose training is representative of all genotypes of a space.

    Raises:
        NastuiError: the space names none, or an unreadable one.
    """
    known = lookup(space.typical)
    return known.genotype if known is not None else parse_text(space.typical)


@functools.cache
def _by_name() -> dict[str, Published]:
    return {_plain(name): cell for cell in published() for name in (cell.name, *cell.aliases)}


def _plain(name: str) -> str:
    return re.sub(r"[-_\s]", "", name).lower()


def _published(raw: dict[str, Any], sources: dict[str, str]) -> Published:
    return Published(
        name=raw["name"],
        title=raw["title"],
        method=raw["method"],
        source=raw["paper"],
        genotype=parse_text(raw["genotype"]),
        recipe=raw["recipe"],
        norms=raw.get("norms", "plain"),
        auxiliary_norm=raw.get("auxiliary_norm", False),
        aliases=tuple(raw.get("aliases", ())),
        figures=tuple(_figure(figure, sources) for figure in raw["figures"]),
    )


def _figure(raw: dict[str, Any], sources: dict[str, str]) -> Figure:
    named = "; ".join(sources[letter] for letter in raw["source"].split())
    return Figure(**(raw | {"source": named, "counter": _COUNTERS[raw.get("counter")]}))
