"""A search space added from outside, the catalogue part: 4 operations on each of 3 edges, 64 cells."""

from runs.catalogue.entries import CompleteTable, Preset, Space
from runs.catalogue.settings import Settings, setting
from runs.errors import UsageError
from runs.genotypes.costs import CostFormula, Costs, Shape
from runs.genotypes.kinds import OperationKind
from runs.genotypes.text_form import TextForm
from runs.genotypes.topology import Topology

PREFIX = "ring:"
# The names reveal nothing: only this table says what the operations do.
KINDS = {
    "none": OperationKind.NONE,
    "copy": OperationKind.SKIP,
    "blur": OperationKind.POOL,
    "mix": OperationKind.CONVOLUTION,
}
TOPOLOGY = Topology("ring", ("ring",), ((0, 1), (0, 2), (1, 2)), tuple(KINDS), (2,))


class RingSettings(Settings):
    """The size of a network of rings."""

    channels: int = setting(4, "Channels of every ring.", group="search space", ge=1, le=64)
    rings: int = setting(1, "Rings of the network.", group="search space", ge=1, le=8)


def parse(text):
    """Read ``ring:mix,copy,none``: the operations edge by edge."""
    names = text.removeprefix(PREFIX).split(",")
    if len(names) != len(TOPOLOGY.edges) or not set(names) <= set(KINDS):
        raise UsageError(f"'{text[:80]}' is not a ring.", "Give three operations: ring:mix,copy,none.")
    return TOPOLOGY.genotype({"ring": [TOPOLOGY.operations.index(name) for name in names]})


def format_ring(genotype):
    """Return the text that :func:`parse` reads."""
    (columns,) = TOPOLOGY.columns(genotype).values()
    return PREFIX + ",".join(TOPOLOGY.operations[column] for column in columns)


def count(genotype, shape):
    """Return the costs: a stem, the 3x3 convolutions of the rings, and a classifier."""
    (columns,) = TOPOLOGY.columns(genotype).values()
    mixes = sum(TOPOLOGY.operations[column] == "mix" for column in columns)
    convolutions = 27 * shape.channels + 9 * shape.channels**2 * mixes * shape.layers
    classifier = shape.channels * shape.classes
    return Costs(convolutions + classifier + shape.classes, 0, convolutions * shape.size**2 + classifier)


TINY = {"channels": 4, "epochs": 2, "batch_size": 32, "image_limit": 200, "image_size": 16}

SPACE = Space(
    name=TOPOLOGY.space,
    title="Ring",
    summary="One cell of 3 nodes and 3 edges, 4 operations an edge; 64 cells.",
    cells=TOPOLOGY.cells,
    edges=TOPOLOGY.edges,
    operations=TOPOLOGY.operations,
    outputs=TOPOLOGY.outputs,
    options=RingSettings,
    engine="ring_space_engine:Ring",
    network_options=RingSettings,
    kinds=KINDS,
    format=format_ring,
    forms=(TextForm("ring:a,b,c", lambda text: text.startswith(PREFIX), parse),),
    costs=CostFormula({"cifar": Shape(channels=4, layers=1)}, count),
    complete_table=CompleteTable(
        signal=("valid", 1), report=("test", 5), note=lambda dataset, split, epochs: f"rings of {dataset}"
    ),
    typical="ring:mix,copy,mix",
    normalisation={"digits": ((0.5,) * 3, (0.25,) * 3)},
    presets={
        "gdas": (
            Preset("paper", "A small search.", "ring", "digits", values=TINY),
            Preset("quick", "The same search.", "ring", "digits", values=TINY),
        ),
        "random_search": (
            Preset("paper", "Looks 20 rings up.", "ring", "digits", values={"queries": 20, "epoch_queries": 10}),
            Preset("quick", "Looks 5 rings up.", "ring", "digits", values={"queries": 5, "epoch_queries": 5}),
        ),
        "retrain": (Preset("ring-short", "A short training.", "ring", "digits", values=TINY),),
    },
)
