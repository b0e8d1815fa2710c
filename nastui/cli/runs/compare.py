"""``nastui runs compare``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nastui.cli import completion
from nastui.cli.json_option import Json
from nastui.cli.selection import named, open_store
from runs.errors import UsageError
from runs.home import short_id


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN RUN...", help="Two or more runs.", autocompletion=completion.runs),
    ],
    with_published: Annotated[
        bool, typer.Option("--with-published", help="Add published results for the same space and data set.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare runs: what differs, and statistics over seeds.

    Runs that differ only in their seeds are summarised by mean and standard deviation.
    """
    from nastui.cli import output
    from nastui.cli.published import described, printed
    from runs.benchmarks.published import beside
    from runs.store.compare import compare as compared
    from runs.store.compare import ranking_rows, table
    from runs.store.groups import Spread

    if len(runs) < 2:
        raise UsageError(f"compare needs at least two runs, got {len(runs)}.", "See `nastui runs list`.")
    records = named(open_store(), runs)
    if len(records) < 2:
        raise UsageError(f"compare needs at least two runs, got '{short_id(records[0].id)}' only.", "Name another one.")
    content = compared(records)
    references = beside({(run["space"], run["dataset"]) for run in content["runs"]}) if with_published else []
    if as_json:
        output.data(content | ({"published": described(references)} if with_published else {}))
        return
    names = {record["id"]: short_id(record["id"]) for record in content["runs"]}
    for remark in content["remarks"]:
        output.warn(remark)
    output.table(["", *names.values()], table(content))
    for group in content["groups"]:
        if len(group["runs"]) > 1:
            figures = ", ".join(
                f"{name} {Spread(**spread).text(len(group['runs']))}" for name, spread in group["best"].items()
            )
            sys.stdout.write(f"{len(group['runs'])} seeds ({', '.join(map(str, group['seeds']))}): {figures}\n")
    if len(content["ranking"]) > 1:
        sys.stdout.write("\n")
        metric = content["ranking"][0]["metric"]
        output.table(["", "runs", "", f"best {metric}"], ranking_rows(content["ranking"], names))
    if with_published:
        printed(references)
