"""``nastui bench``: the real training step, measured here."""

from __future__ import annotations

from typing import Annotated

import typer


def bench(
    methods: Annotated[
        list[str] | None, typer.Argument(metavar="METHOD...", help="Methods, or `retrain`; all searches unless given.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Only the presets of this name.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:<number>.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure throughput and memory of every preset on this machine, and estimate its run. Seconds a preset."""
    from nastui.cli import output
    from runs import catalogue, devices
    from runs.errands import ask
    from runs.errors import UsageError, closest
    from runs.queries import asks_table

    chosen = [catalogue.method(name) for name in methods] if methods else list(catalogue.methods().values())
    here = devices.resolve(device)
    results = []
    for method in chosen:
        for entry in method.presets:
            # What only asks a table has no training step to measure.
            if preset in (None, entry.name) and (methods or not asks_table(method, entry.values)):
                output.say(f"Measuring {method.name} {entry.name} on {entry.space}, {here} ...")
                results.append(ask("engine.bench", method.name, entry.space, entry.name, here))
    if not results:
        names = [entry.name for method in chosen for entry in method.presets]
        raise UsageError(f"Unknown preset '{preset}'.", closest(preset or "", names))
    if as_json:
        output.data(results)
        return
    output.table(
        ["method", "space", "preset", "data set", "device", "images/s", "unit", "memory", "run, estimated"],
        (
            [
                *(result[key] for key in ("method", "space", "preset", "dataset", "device")),
                f"{result['images_per_second']:,.0f}",
                f"{1000 * result['unit_seconds']:.1f} ms",
                f"{result['memory'] / 1e6:,.0f} MB",
                f"{output.duration(result['estimated_seconds'])} ({result['epochs']} epochs)",
            ]
            for result in results
        ),
    )
