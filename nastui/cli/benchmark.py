"""``nastui benchmark``: tables of trained architectures, imported once and looked up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from runs.benchmarks.table import Table
    from runs.home import Home
    from runs.store.find_genotype import Found

app = typer.Typer(help="Import tables of trained architectures, and look architectures up.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="A CSV, plain or .gz: arch, cifar10_test_200, ...; or the benchmark's own file.")
    ],
    name: Annotated[str | None, typer.Option(help="Name of the table; that of its space unless given.")] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Open a pickle (.pth, .pickle.pbz2, a folder of them), which may run code.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Turn a file into a table of the store; searches in its space are looked up in it from then on.

    The columns: 'arch' (a NAS-Bench-201 string, Genotype(...) text or JSON), and of results
    <data set>_<train|valid|test>_<epochs>, with _error, _loss or _seconds behind it where it is no accuracy in percent.
    """
    from nastui.cli import output
    from runs.benchmarks.pickled import import_pickled, is_pickled
    from runs.benchmarks.store import import_csv
    from runs.home import Home

    path, home = file.expanduser(), Home.locate()
    table = import_pickled(path, home, name, trusted=trust) if is_pickled(path) else import_csv(path, home, name)
    if as_json:
        output.data(_described(table))
    else:
        counted = f"{len(table):,} architectures of {table.space}, {len(table.columns)} columns"
        output.say(f"Imported '{table.name}': {counted}.")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the tables, their columns, and the best of each."""
    from nastui.cli import output
    from runs.benchmarks import store
    from runs.home import Home

    home = Home.locate()
    for error in store.damaged(home).values():
        output.say(str(error))
    tables = store.tables(home)
    if as_json:
        output.data([_described(table) for table in tables])
        return
    if not tables:
        output.say("No table. Import one: nastui benchmark import FILE")
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
    arch: Annotated[str, typer.Argument(help="A NAS-Bench-201 string, a library name, a run, a file, or other text.")],
    dataset: Annotated[str | None, typer.Option(help="Only this data set.")] = None,
    as_json: Json = False,
) -> None:
    """Look an architecture up: its results, their rank in the table, and what they miss to the best."""
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


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="A table, as `nastui benchmark list` names it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Move a table to the trash; `nastui benchmark restore` brings it back."""
    from nastui.cli import output
    from runs.benchmarks import store
    from runs.errors import UsageError
    from runs.home import Home

    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("remove asks before it moves anything, and there is nobody to ask.", "Add --yes.")
        typer.confirm(f"Move the table '{output.clean(name)}' to the trash?", abort=True)
    output.say(f"'{name}' is in the trash: {store.remove(Home.locate(), name)}")


@app.command()
def restore(name: Annotated[str, typer.Argument(help="A removed table, as its file in the trash is called.")]) -> None:
    """Bring a removed table back from the trash."""
    from nastui.cli import output
    from runs.benchmarks import store
    from runs.home import Home

    output.say(f"Restored {store.restore(Home.locate(), name).stem}.")


def _results(home: Home, found: Found, dataset: str | None) -> list[dict[str, Any]]:
    """Return the values of an architecture in every table of its space, column by column."""
    from nastui.cli import output
    from runs.benchmarks.store import damaged, tables
    from runs.errors import NotFoundError, UsageError, closest

    space = found.genotype.space
    for error in damaged(home).values():
        output.say(str(error))
    all_tables = tables(home)
    suitable = [table for table in all_tables if table.space == space]
    if not suitable:
        there = ", ".join(f"{table.name} ({table.space})" for table in all_tables)
        raise NotFoundError(
            f"There is no benchmark table of the space '{space[:80]}'" + (f"; there is {there}." if there else "."),
            "Import one: nastui benchmark import FILE",
        )
    datasets = list(dict.fromkeys(column.dataset for table in suitable for column in table.columns))
    if dataset is not None and dataset not in datasets:
        raise UsageError(f"No table of '{space}' has the data set '{dataset[:80]}'.", closest(dataset, datasets))
    results = [
        result for table in suitable for result in _looked_up(table, found) if dataset in (None, result["dataset"])
    ]
    if not results:
        raise NotFoundError(f"No table of '{space[:80]}' has a result of this architecture.")
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
