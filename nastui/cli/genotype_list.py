"""``nastui genotype list``: list published cells, and the cells that searches in the store have found."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from nastui.cli.json_option import Json
from nastui.cli.selection import open_store

if TYPE_CHECKING:
    from runs.catalogue.library import Published
    from runs.genotypes.genotype import Genotype
    from runs.store.record import Record


def list_(as_json: Json = False) -> None:
    """List published cells, and cells found by finished searches.

    Parameters and MACs are counted at the papers' network sizes.
    """
    from nastui.cli import output
    from runs.catalogue import library
    from runs.store import find_genotype

    entries = [_published(cell) for cell in library.published()]
    entries += [_found(record, genotype) for record, genotype in find_genotype.of_runs(open_store())]
    if as_json:
        output.data(entries)
        return
    output.table(
        ["name", "space", "parameters", "MACs", "published result"],
        (
            [
                entry["name"],
                entry["space"],
                output.number(entry["parameters"]),
                output.number(entry["macs"]),
                "; ".join(f"{figure['text']} [{figure['source']}]" for figure in entry["figures"][:1]) or "-",
            ]
            for entry in entries
        ),
    )


def _published(cell: Published) -> dict[str, Any]:
    costs = cell.costs()
    return {
        "kind": "published",
        "name": cell.name,
        "aliases": list(cell.aliases),
        "title": cell.title,
        "method": cell.method,
        **_counted(cell.genotype, costs.parameters, costs.macs, str(cell.shape())),
        "recipe": cell.recipe,
        "source": cell.source,
        "figures": [{"text": str(figure), **dataclasses.asdict(figure)} for figure in cell.figures],
    }


def _found(record: Record, genotype: Genotype) -> dict[str, Any]:
    summary = record.summary
    return {
        "kind": "found",
        "name": record.id,
        "aliases": [],
        "title": record.labels.name,
        "method": record.head["method"],
        **_counted(genotype, summary.parameters, summary.macs, summary.network),
        "recipe": "",
        "source": "",
        "figures": [],
    }


def _counted(genotype: Genotype, parameters: int | None, macs: int | None, network: str) -> dict[str, Any]:
    from runs.catalogue.genotype_text import format_text
    from runs.genotypes.costs import COUNTER

    return {
        "space": genotype.space,
        "string": format_text(genotype),
        "parameters": parameters,
        "macs": macs,
        "macs_counter": COUNTER,
        "network": network,
    }
