"""The entries of the catalogue: methods, spaces, data sets and presets, each a frozen record without torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from runs.catalogue.settings import Settings
from runs.genotypes.costs import CostFormula
from runs.genotypes.genotype import Genotype
from runs.genotypes.kinds import OperationKind, kind_by_name
from runs.genotypes.text_form import TextForm
from runs.genotypes.topology import Topology


@dataclass(frozen=True, eq=False)
class Preset:
    """Named values for a method in one space.

    Attributes:
        name: ``paper``, ``quick``, ...
        summary: one line: its purpose and its cost.
        space: the space it belongs to.
        dataset: the data set, unless another is named.
        seed: the seed, unless another is named.
        values: hyperparameters that differ from their defaults, or that a paper states.
        elsewhere: of a recipe, by the name of another data set: the recipe of the same paper for it.
    """

    name: str
    summary: str
    space: str
    dataset: str
    seed: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    def suits(self, dataset: str) -> bool:
        """Return whether it is a recipe with which, by its paper, networks are trained on a data set."""
        return dataset == self.dataset or self.elsewhere.get(dataset) == self.name


@dataclass(frozen=True, eq=False)
class Method:
    """A search method: how users choose it, and where the engine finds it.

    Attributes:
        name: what users type, such as ``drnas``.
        title: what screens show, such as ``DrNAS``.
        summary: one line: what it does.
        cost: one line: the hardware it needs.
        reference: the paper.
        options: its hyperparameters; a space and the machine add theirs.
        presets: at least ``paper`` and ``quick`` for each of its spaces.
        engine: ``package.module:factory``. Only the engine imports it.
        kind: the kind of its runs: a search, or the training of a discrete network.
        recipes: for each space of its genotypes, the retraining preset of its paper. Which one its cells get on another
            data set, that preset says.
        uses_supernet: whether it trains the space's supernet or networks of its cells; if not, its runs have no options
            for their size.
        samples_images: whether a part of an image folder is enough for it; ``image_limit`` images are then decoded.
        requests: the requests that ``nastui runs ask`` can send to a running search, each with one line of help.
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
        """The spaces that it can search, its usual one first."""
        return tuple(dict.fromkeys(preset.space for preset in self.presets))

    def asks_table(self, values: Mapping[str, Any]) -> bool:
        """Return whether a run looks up results in a benchmark table, and so needs no images.

        Args:
            values: its hyperparameters; missing ones have their defaults.
        """
        evaluator = self.options.model_fields.get("evaluator")
        return evaluator is not None and values.get("evaluator", evaluator.default) == "table"


IMAGENET_CLASSES = 1000
Statistics = tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True, eq=False)
class CompleteTable:
    """How a benchmark table with a result for every genotype of a space is used.

    Attributes:
        signal: split and epochs of the column that a search sees, such as ``("valid", 12)``.
        report: split and epochs of the column that its result is judged by.
        note: returns remarks on a column, by data set, split and epochs; may be empty.
    """

    signal: tuple[str, int]
    report: tuple[str, int]
    note: Callable[[str, str, int], str] = lambda dataset, split, epochs: ""


@dataclass(frozen=True, eq=False)
class Space:
    """A search space, as far as it can be described without torch. The engine adds the class that ``engine`` names.

    A space whose genotypes have one operation on each edge needs only the fields without a default. ``complete_table``,
    ``costs`` and ``forms`` are for what it can do beyond that.

    Attributes:
        name: what users type, such as ``nasbench201``.
        title: what screens show, such as ``NAS-Bench-201``.
        summary: one line: what it is.
        cells: the kinds of cell, such as ``("cell",)`` or ``("normal", "reduce")``.
        edges: (source, target) node pairs, in the order of the rows of every architecture matrix.
        operations: the candidate operations, in the order of the columns. ``none`` is the one that carries nothing.
        outputs: the nodes whose values are concatenated; a single one is passed on.
        options: hyperparameters of a search in this space: the size of its supernet, ...
        engine: ``package.module:Class``, a subclass of ``engine.spaces.space.SearchSpace``. Only the engine imports it.
        network_options: hyperparameters of its discrete networks; None if these cannot be trained.
        kinds: what its operations do. Unlisted ones are classified by their names.
        own: by kind of cell, the operations that it searches, unless it searches all of them.
        checks: checks that a genotype belongs to the space and raises UsageError if not; None for the check that it has
            one operation on each edge.
        format: returns the usual text of a genotype, on one line; None for JSON.
        forms: the notations of its genotypes besides JSON.
        costs: the costs of its networks; None if they cannot be counted.
        complete_table: how a benchmark table of all its genotypes is used; None if there can be none. Genotypes have a
            number in such a table, see :meth:`runs.genotypes.topology.Topology.number`.
        typical: a genotype whose training is representative of all: a name of the library, or text. Empty if its
            networks cannot be trained.
        normalisation: by data set, the mean and standard deviation per channel that the space's public code uses, of
            values in 0..1, if these differ from the data set's own.
        presets: by method name, further presets of that method in this space; for ``retrain``, recipes. Meant for
            plug-in spaces: the methods of the catalogue list their own.
    """

    name: str
    title: str
    summary: str
    cells: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    operations: tuple[str, ...]
    outputs: tuple[int, ...]
    options: type[Settings]
    engine: str
    network_options: type[Settings] | None = None
    kinds: Mapping[str, OperationKind] = field(default_factory=dict)
    own: Mapping[str, Collection[str]] = field(default_factory=dict)
    checks: Callable[[Genotype], object] | None = None
    format: Callable[[Genotype], str] | None = None
    forms: tuple[TextForm, ...] = ()
    costs: CostFormula | None = None
    complete_table: CompleteTable | None = None
    typical: str = ""
    normalisation: Mapping[str, Statistics] = field(default_factory=dict)
    presets: Mapping[str, tuple[Preset, ...]] = field(default_factory=dict)

    @property
    def topology(self) -> Topology:
        """The cells, for genotypes with one operation on each edge."""
        return Topology(self.name, self.cells, self.edges, self.operations, self.outputs)

    def kind_of(self, operation: str) -> OperationKind:
        """Return what an operation does."""
        return self.kinds.get(operation) or kind_by_name(operation)

    def check(self, genotype: Genotype) -> None:
        """Check that a genotype belongs to the space.

        Raises:
            UsageError: it does not; the message names the cell, the edge and the operation.
        """
        (self.checks or self.topology.check)(genotype)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set for image classification.

    Attributes:
        classes: the number of classes; None if it is only known from the folder.
        size: side of the square images in pixels; None if it is only known from the folder.
        train, test: the number of images; None if it is only known from the folder.
        mean, std: per channel, of values in 0..1.
        crop_padding: pixels of padding before the random crop of training; 0 for no crop.
        flip: whether training flips images left to right.
        obtain: how users get it.
        engine: ``package.module:load``. Only the engine imports it.
        requires: files in the home's folder of data sets that must exist; empty for embedded data.
        folder: the path of a user's image folder.
        kept_as: for an image folder that belongs in the home's folder of data sets, its name there.
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

    @property
    def recipes_of(self) -> str:
        """The data set whose recipes it takes: ImageNet for an image folder of as many classes, else itself."""
        return "imagenet" if self.folder is not None and self.classes == IMAGENET_CLASSES else self.name

    def images(self, root: Path) -> Path | None:
        """Return the image folder in ``root``, the folder of data sets; None for any other data set."""
        return root / self.kept_as if self.kept_as else self.folder
