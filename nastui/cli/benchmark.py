"""``nastui benchmark``: import tables of trained architectures, and look architectures up in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nastui.cli import completion
from nastui.cli.command_help import Commands
from nastui.cli.confirmation import Yes, confirm
from nastui.cli.json_option import Json

if TYPE_CHECKING:
    from runs.benchmarks.table import Table
    from runs.home import Home
    from runs.store.find_genotype import Found

app = Commands(help="Import benchmark tables and look up genotypes in them.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(help="A CSV file (.csv or .csv.gz), or a file or folder of NAS-Bench-201 or NATS-Bench."),
    ],
    name: Annotated[str | None, typer.Option(help="Name the table. Default: the name of its search space.")] = None,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Open a pickle (.pth, .pickle.pbz2 or a folder of them). Pickles can run code."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Import a table of accuracies into the store.

    Every epoch of a search in the table's space then reports the accuracy that the table has for its genotype.
    A CSV file needs the column 'arch' (a NAS-Bench-201 string, Genotype(...) text or JSON) and columns of results named
    <data set>_<train|valid|test>_<epochs>. Results are accuracies in percent, unless the name ends in _error, _loss or
    _seconds.
    """
    from nastui.cli import output
    from runs.benchmarks.pickled import import_pickled, is_pickled
    from runs.benchmarks.store import import_csv
    from runs.home import Home
    from runs.user_path import user_path

    path, home = user_path(file), Home.locate()
    table = import_pickled(path, home, name, trusted=trust) if is_pickled(path) else import_csv(path, home, name)
    if as_json:
        output.data(_described(table))
    else:
        counted = f"{len(table):,} architectures of {table.space}, {len(table.columns)} columns"
        output.say(f"Imported '{table.name}': {counted}.")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the tables, their columns and the best value of each."""
    from nastui.cli import output
    from runs.benchmarks import store
    from runs.home import Home

    home = Home.locate()
    for error in store.damaged(home).values():
        output.warn(str(error))
    tables = store.tables(home)
    if as_json:
        output.data([_described(table) for table in tables])
        return
    output.table(
        ["table", "space", "architectures", "data set", "column", "best", "note"],
        (
            [
                *(table.name, table.space, f"{len(table):,}", column.dataset, column.label),
                f"{table.best(place)[0]:g}",
                column.note,
            ]
            for table in tables
            for place, column in enumerate(table.columns)
        ),
    )


@app.command()
def query(
    arch: Annotated[
        str,
        typer.Argument(
            metavar="GENOTYPE",
            help="A library name, a run, a file, a NAS-Bench-201 string, Genotype(...) text or JSON.",
            autocompletion=completion.genotypes,
        ),
    ],
    dataset: Annotated[
        str | None, typer.Option(help="Show only results on this data set.", autocompletion=completion.datasets)
    ] = None,
    as_json: Json = False,
) -> None:
    """Look up an architecture: results, ranks and regret.

    The regret of a result is its distance from the best value in the table.
    """
    from nastui.cli import output
    from runs.catalogue.genotype_text import format_text
    from runs.home import Home
    from runs.store.find_genotype import find
    from runs.store.run_store import RunStore

    home = Home.locate()
    found = find(arch, RunStore(home))
    results = _results(home, found, dataset)
    if as_json:
        output.data(
            {
                "name": found.name,
                "space": found.genotype.space,
                "genotype": found.genotype.to_json(),
                "string": format_text(found.genotype),
                "results": results,
            }
        )
        return
    output.table(
        ["table", "data set", "column", "value", "rank", "best", "regret"],
        (
            [
                *(result[key] for key in ("table", "dataset", "column")),
                f"{result['value']:g}",
                f"{result['rank']:,} of {result['of']:,}",
                f"{result['best']:g}",
                f"{result['regret']:g}",
            ]
            for result in results
        ),
    )


@app.command("rm")
def remove(
    name: Annotated[
        str,
        typer.Argument(
            metavar="TABLE", help="The table's name: see `nastui benchmark list`.", autocompletion=completion.tables
        ),
    ],
    yes: Yes = False,
) -> None:
    """Move a table to the trash.

    `nastui benchmark restore` brings it back.
    """
    from nastui.cli import output
    from runs.benchmarks import store
    from runs.home import Home

    if not yes:
        confirm("rm", f"Move the table '{output.clean(name)}' to the trash?")
    output.say(f"Moved '{name}' to the trash: {store.remove(Home.locate(), name)}")


@app.command()
def restore(
    name: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="The name of the removed table's file in the trash.",
            autocompletion=completion.removed_tables,
        ),
    ],
) -> None:
    """Bring a removed table back from the trash."""
    from nastui.cli import output
    from runs.benchmarks import store
    from runs.home import Home

    output.say(f"Restored {store.restore(Home.locate(), name).stem}.")


def _results(home: Home, found: Found, dataset: str | None) -> list[dict[str, Any]]:
    """Return the results of an architecture in every table of its space, one per column."""
    from nastui.cli import output
    from runs.benchmarks.store import damaged, tables
    from runs.errors import NotFoundError, UsageError, closest

    space = found.genotype.space
    for error in damaged(home).values():
        output.warn(str(error))
    all_tables = tables(home)
    suitable = [table for table in all_tables if table.space == space]
    if not suitable:
        others = ", ".join(f"'{table.name}' ({table.space})" for table in all_tables)
        raise NotFoundError(
            f"No benchmark table covers the space '{space[:80]}'" + (f"; imported: {others}." if others else "."),
            "Import one: nastui benchmark import FILE",
        )
    datasets = list(dict.fromkeys(column.dataset for table in suitable for column in table.columns))
    if dataset is not None and dataset not in datasets:
        raise UsageError(
            f"No table of the space '{space}' has results on '{dataset[:80]}'.", closest(dataset, datasets)
        )
    results = [
        result for table in suitable for result in _looked_up(table, found) if dataset in (None, result["dataset"])
    ]
    if not results:
        raise NotFoundError(
            f"No table of the space '{space[:80]}' has this architecture.",
            "Import a table that has it: nastui benchmark import FILE",
        )
    return results


def _looked_up(table: Table, found: Found) -> list[dict[str, Any]]:
    import math

    from runs.benchmarks.table import shown

    results = []
    for place, value in enumerate(table.row(found.genotype) or ()):
        if not math.isnan(value):
            rank, of = table.rank(place, value)
            results.append(
                {
                    "table": table.name,
                    **_column(table, place),
                    "value": shown(value),
                    "rank": rank,
                    "of": of,
                    "best": table.best(place)[0],
                    "regret": table.regret(place, value),
                }
            )
    return results


def _described(table: Table) -> dict[str, Any]:
    from runs.catalogue.genotype_text import format_text

    columns = []
    for place in range(len(table.columns)):
        value, genotype = table.best(place)
        columns.append({**_column(table, place), "best": value, "best_architecture": format_text(genotype)})
    return {
        "name": table.name,
        "space": table.space,
        "architectures": len(table),
        "columns": columns,
        "source": table.header.source,
        "sha256": table.header.sha256,
    }


def _column(table: Table, place: int) -> dict[str, Any]:
    import dataclasses

    column = table.columns[place]
    return {"column": column.label, **dataclasses.asdict(column)}
