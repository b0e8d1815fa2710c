"""``nastui methods | spaces | presets``: the catalogue as text and JSON."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nastui.cli import completion
from nastui.cli.json_option import Json

if TYPE_CHECKING:
    from runs.catalogue import Method, Preset, Space
    from runs.catalogue.settings import SettingInfo


def _argument(name: str, names: Callable[[str], list[str]]) -> Any:
    return typer.Argument(metavar=name, help="Show only this one, in detail.", autocompletion=names)


def methods(name: Annotated[str | None, _argument("METHOD", completion.methods)] = None, as_json: Json = False) -> None:
    """List the search methods, or one with its hyperparameters."""
    from nastui.cli import output
    from runs import catalogue

    chosen = [catalogue.method(name)] if name else list(catalogue.methods().values())
    if as_json:
        content = [_method(entry) for entry in chosen]
        output.data(content[0] if name else content)
    elif name:
        _print_method(chosen[0])
    else:
        output.table(
            ["method", "spaces", "presets", "what it does"],
            ([m.name, ", ".join(m.spaces), ", ".join(_preset_names(m)), m.summary] for m in chosen),
        )


def spaces(name: Annotated[str | None, _argument("SPACE", completion.spaces)] = None, as_json: Json = False) -> None:
    """List the search spaces, or one with its edges and operations."""
    from nastui.cli import output
    from runs import catalogue

    chosen = [catalogue.space(name)] if name else list(catalogue.spaces().values())
    if as_json:
        content = [_space(entry) for entry in chosen]
        output.data(content[0] if name else content)
        return
    output.table(
        ["space", "cells", "edges", "operations", "what it is"],
        ([s.name, ", ".join(s.cells), len(s.edges), ", ".join(s.operations), s.summary] for s in chosen),
    )


def presets(name: Annotated[str | None, _argument("PRESET", completion.presets)] = None, as_json: Json = False) -> None:
    """List the presets, or those of one name with their values."""
    from nastui.cli import output
    from runs import catalogue
    from runs.errors import UsageError, closest

    pairs = [
        (method, preset) for method in (*catalogue.methods().values(), catalogue.trainer()) for preset in method.presets
    ]
    if name:
        known = {preset.name for _, preset in pairs}
        if name not in known:
            raise UsageError(f"Unknown preset '{name[:80]}'.", closest(name, sorted(known)))
        pairs = [(method, preset) for method, preset in pairs if preset.name == name]
    if as_json:
        output.data([{"method": method.name, **_preset(preset)} for method, preset in pairs])
        return
    output.table(
        ["method", "space", "preset", "data set", "seed", "what it is for"],
        ([m.name, p.space, p.name, p.dataset, p.seed, p.summary] for m, p in pairs),
    )
    if name:
        for method, preset in pairs:
            values = ", ".join(f"{key}={value}" for key, value in preset.values.items())
            sys.stdout.write(f"\n{method.name}, {preset.space}: {values}\n")


def _print_method(entry: Method) -> None:
    from nastui.cli import output
    from runs import catalogue
    from runs.catalogue.settings import describe

    output.fields(
        [
            ("method", f"{entry.name} ({entry.title})"),
            ("what it does", entry.summary),
            ("what it costs", entry.cost),
            ("reference", entry.reference),
            ("spaces", ", ".join(entry.spaces)),
            ("presets", ", ".join(_preset_names(entry))),
            *((f"ask {request}", help_) for request, help_ in entry.requests.items()),
        ]
    )
    for name in entry.spaces:
        sys.stdout.write(f"\nHyperparameters in the space {name}\n")
        # For a search: the paper's values. For retraining, where each paper has a recipe: the first recipe's.
        shown = next(preset for preset in entry.presets if preset.space == name)
        output.table(
            ["key", "type", "range", "default", shown.name, "what it is"],
            (
                [i.name, i.type, i.range, i.default, shown.values.get(i.name, i.default), i.help]
                for i in describe(catalogue.options(entry, catalogue.space(name)))
            ),
        )


def _preset_names(entry: Method) -> list[str]:
    return list(dict.fromkeys(preset.name for preset in entry.presets))


def _method(entry: Method) -> dict[str, Any]:
    from runs import catalogue
    from runs.catalogue.settings import describe

    return {
        **{key: getattr(entry, key) for key in ("name", "title", "summary", "cost", "reference")},
        "spaces": list(entry.spaces),
        "presets": [_preset(preset) for preset in entry.presets],
        "requests": dict(entry.requests),
        "hyperparameters": {
            name: [_info(info) for info in describe(catalogue.options(entry, catalogue.space(name)))]
            for name in entry.spaces
        },
    }


def _info(info: SettingInfo) -> dict[str, Any]:
    return dataclasses.asdict(info) | {"choices": list(info.choices)}


def _preset(preset: Preset) -> dict[str, Any]:
    names = ("name", "summary", "space", "dataset", "seed")
    return {key: getattr(preset, key) for key in names} | {"values": dict(preset.values)}


def _space(entry: Space) -> dict[str, Any]:
    from runs.catalogue.settings import describe

    return {
        **{key: getattr(entry, key) for key in ("name", "title", "summary")},
        **{key: [*getattr(entry, key)] for key in ("cells", "edges", "operations")},
        "hyperparameters": [_info(info) for info in describe(entry.options)],
    }
