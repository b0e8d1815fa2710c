"""The canonical key of an architecture in a table, for spaces whose genotypes have no numbers."""

from __future__ import annotations

import json

from runs.genotypes.genotype import NONE, Genotype


def key(genotype: Genotype) -> bytes:
    """Return the key of an architecture. It does not depend on the order of edges; edges with ``none`` are left out.

    Isomorphic cells with different edges remain different architectures.
    """
    cells = {
        kind: {
            "inputs": cell.inputs,
            "edges": sorted(
                [edge.target, edge.source, edge.operation] for edge in cell.edges if edge.operation != NONE
            ),
            "outputs": sorted(cell.outputs),
        }
        for kind, cell in genotype.cells.items()
    }
    return json.dumps([genotype.space, cells], sort_keys=True, separators=(",", ":")).encode()


def from_key(written: bytes) -> Genotype:
    """Return an architecture with this key."""
    space, cells = json.loads(written)
    for cell in cells.values():
        cell["edges"] = [[source, target, operation] for target, source, operation in cell["edges"]]
    return Genotype.from_json({"space": space, "cells": cells})
