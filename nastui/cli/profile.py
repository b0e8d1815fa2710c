"""``nastui profile``: measure the real training step on this machine, and keep the results for estimates."""

from __future__ import annotations

from typing import Annotated

import typer

from nastui.cli import completion
from nastui.cli.json_option import Json


def profile(
    methods: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="METHOD...",
            help="Methods to measure, or `retrain`. Default: every search method.",
            autocompletion=completion.methods_to_measure,
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Measure only presets of this name.", autocompletion=completion.presets)
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="Measure on this device: auto, cpu, cuda or cuda:<number>.", autocompletion=completion.devices
        ),
    ] = "auto",
    as_json: Json = False,
) -> None:
    """Measure throughput and memory of presets on this device.

    Each preset takes a few seconds. On a GPU, "of bound" is the least time that memory traffic and kernel launches
    allow for a training step, divided by the time measured. The results are kept, and New run uses them to estimate how
    long a run will take.
    """
    from nastui.cli import output
    from runs import catalogue
    from runs.cost import measurements
    from runs.errors import NastuiError, UsageError, closest
    from runs.formatting import duration
    from runs.home import Home
    from runs.machine import devices

    chosen = [catalogue.method(name) for name in methods] if methods else list(catalogue.methods().values())
    here, home = devices.resolve(device), Home.locate()
    wanted = [
        (method, entry)
        for method in chosen
        for entry in method.presets
        # A search that only looks up a table has no training step to measure.
        if preset in (None, entry.name) and (methods or not method.asks_table(entry.values))
    ]
    if not wanted:
        names = [entry.name for method in chosen for entry in method.presets]
        raise UsageError(f"Unknown preset '{preset}'.", closest(preset or "", names))
    results: list[measurements.Measurement] = []
    failures: list[NastuiError] = []
    for method, entry in wanted:
        output.say(f"Measuring {method.name} {entry.name} on {entry.space}, {here} ...")
        try:
            figure = measurements.MeasurementTask(measurements.representative(method, entry, here), home).result()
        except NastuiError as error:
            output.warn(str(error))
            failures.append(error)
            continue
        if figure is not None:
            results.append(figure)
            try:
                measurements.keep(home, figure)
            except NastuiError as error:
                output.warn(str(error))
    if as_json:
        output.data([figure.model_dump() for figure in results])
    elif results:
        bounded = any(figure.share_of_bound for figure in results)
        output.table(
            [
                *("method", "space", "preset", "data set", "device", "images/s"),
                *(["of bound"] if bounded else []),
                *("unit", "memory", "run, estimated"),
            ],
            (
                [
                    *(figure.method, figure.space, figure.preset, figure.dataset, figure.device),
                    f"{figure.images_per_second:,.0f}",
                    *([_percent(figure.share_of_bound)] if bounded else []),
                    f"{1000 * figure.unit_seconds:.1f} ms",
                    f"{figure.memory / 1e6:,.0f} MB",
                    f"{duration(figure.estimated_seconds)} ({figure.epochs} epochs)",
                ]
                for figure in results
            ),
        )
    if failures:
        raise typer.Exit(failures[0].exit_code)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
