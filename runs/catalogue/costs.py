"""The costs of genotypes' networks, for each space."""

from __future__ import annotations

from runs.catalogue.registry import find_space, spaces
from runs.errors import UsageError
from runs.genotypes.costs import CostFormula, Costs, Shape
from runs.genotypes.genotype import Genotype


def standard_shape(space: str, stem: str = "cifar") -> Shape:
    """Return the network size at which the papers of a space count costs.

    Raises:
        UsageError: genotypes of this space cannot be counted, or not with this stem.
    """
    shapes = _formula(space).shapes
    if stem not in shapes:
        raise UsageError(f"A network of the space '{space}' has no stem '{stem[:80]}'.", f"Known: {', '.join(shapes)}.")
    return shapes[stem]


def stems(space: str) -> tuple[str, ...]:
    """Return the stems that networks of a space can have, the usual one first; empty if they cannot be counted."""
    entry = find_space(space)
    return tuple(entry.costs.shapes) if entry is not None and entry.costs is not None else ()


def count(genotype: Genotype, shape: Shape) -> Costs:
    """Return the costs of a genotype's network.

    Raises:
        UsageError: genotypes of this space cannot be counted, or this one does not belong to its space.
    """
    return _formula(genotype.space).count(genotype, shape)


def _formula(space: str) -> CostFormula:
    entry = find_space(space)
    if entry is None or entry.costs is None:
        known = ", ".join(name for name, entry in spaces().items() if entry.costs is not None)
        raise UsageError(f"A genotype of the space '{space[:80]}' cannot be counted.", f"Known: {known}.")
    return entry.costs
