"""What the catalogue lists: methods, spaces, data sets and presets, each a frozen record without any torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from runs.catalogue.settings import Settings


@dataclass(frozen=True, eq=False)
class Preset:
    """Named values for a method in one space.

    Attributes:
        name: ``paper``, ``quick``, ...
        summary: one line: what it is for and what it costs.
        space: the space it belongs to.
        dataset: the data set it starts from unless another is named.
        seed: the seed unless another is named.
        values: hyperparameters that differ from their defaults, or that a paper states.
    """

    name: str
    summary: str
    space: str
    dataset: str
    seed: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Method:
    """A search method, as a person chooses it and as the engine finds it.

    Attributes:
        name: what is typed, such as ``drnas``.
        title: what is shown, such as ``DrNAS``.
        summary: one line: what it does.
        cost: one line: what it asks of a machine.
        reference: the paper.
        options: its hyperparameters; a space and the machine add theirs.
        presets: at least ``paper`` and ``quick`` for each of its spaces.
        engine: ``package.module:factory``, imported by the engine process alone.
        kind: what its runs are: a search, or the training of a discrete network.
        recipes: by space of its genotypes, the retraining preset of its paper.
        uses_supernet: whether it trains the space's supernet or networks of its cells; else their size is no option of
            its runs.
        samples_images: whether a part of an image folder will do for it; ``image_limit`` is then what is decoded.
        requests: what a running search may be asked for by ``nastui runs ask``, each with one line of help.
    """

    name: str
    title: str
    summary: str
    cost: str
    reference: str
    options: type[Settings]
    presets: tuple[Preset, ...]
    engine: str
    kind: Literal["search", "retrain"] = "search"
    recipes: Mapping[str, str] = field(default_factory=dict)
    uses_supernet: bool = True
    samples_images: bool = False
    requests: Mapping[str, str] = field(default_factory=dict)

    @property
    def spaces(self) -> tuple[str, ...]:
        """The spaces that it searches, the usual one first."""
        return tuple(dict.fromkeys(preset.space for preset in self.presets))


@dataclass(frozen=True, eq=False)
class Space:
    """A search space: its topology and its own hyperparameters.

    Attributes:
        cells: the kinds of cell, such as ``("cell",)`` or ``("normal", "reduce")``.
        edges: (source, target) node pairs, in the order of the rows of every architecture matrix.
        operations: the candidate operations, in the order of the columns.
        options: hyperparameters of a search in this space: the size of its supernet, ...
        engine: ``package.module:Class``, imported by the engine process alone.
        network_options: hyperparameters of its discrete networks; None where these cannot be trained.
        own: by kind of cell, the operations that it searches, where these are not all.
    """

    name: str
    title: str
    summary: str
    cells: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    operations: tuple[str, ...]
    options: type[Settings]
    engine: str
    network_options: type[Settings] | None = None
    own: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set of images in classes.

    Attributes:
        classes: the number of classes; None where the folder tells.
        size: side of the square images in pixels; None where the folder tells.
        train, test: the number of images; None where the folder tells.
        mean, std: per channel, of values in 0..1.
        crop_padding: pixels added around before the random crop of training; 0 for no crop.
        flip: whether training flips images left to right.
        obtain: how a person gets it.
        engine: ``package.module:load``, imported by the engine process alone.
        requires: files below the home's data sets that must be there; none for what is embedded.
        folder: the path, where the data set is an image folder of the user's.
        kept_as: the folder below the home's data sets, where it is an image folder that belongs there.
    """

    name: str
    title: str
    summary: str
    classes: int | None
    size: int | None
    train: int | None
    test: int | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    crop_padding: int
    flip: bool
    obtain: str
    engine: str
    requires: tuple[str, ...] = ()
    folder: Path | None = None
    kept_as: str = ""

    def images(self, root: Path) -> Path | None:
        """Return the image folder, or None where the data set is none; ``root`` is where the home's data sets lie."""
        return root / self.kept_as if self.kept_as else self.folder
