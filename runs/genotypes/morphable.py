"""PR-DARTS's operation language: a kind with settings, a compact name, and a label.

See docs/methods/prdarts.md, "Operations".
"""

from __future__ import annotations

import json
from typing import Any

from runs.errors import UsageError
from runs.genotypes import darts
from runs.genotypes.darts import Pair
from runs.genotypes.genotype import Genotype, read_json
from runs.genotypes.operations import Factored, Operation, Pool, Separable, Skip, Zero, operation
from runs.genotypes.text_form import TextForm

_PARTS = ("normal", "normal_concat", "reduce", "reduce_concat")


def compact(of: Operation) -> str:
    """Return the compact name of an operation: ``c3m1`` for ``sep_conv_3x3``.

    Raises:
        UsageError: the language has no name for it.
    """
    match of:
        case Zero():
            return "none"
        case Skip():
            return "skip"
        case Pool():
            return f"{of.statistic}{of.kernel}"
        case Factored(kernel=7):
            return "c1x7"
        case Separable(choke=None) if len(set(of.dilations)) == 1:
            dilation = f"d{of.dilations[0]}" if of.dilations[0] > 1 else ""
            multipliers = "m" + ".".join(map(str, of.multipliers)) if of.multipliers else ""
            return f"c{of.kernel}{dilation}{multipliers}"
    raise UsageError(f"PR-DARTS has no name for {of}.")


def label(of: Operation) -> str:
    """Return the label of an operation in plots: ``Conv(3x3, dil=2, mult=[2, 1])``.

    Raises:
        UsageError: the language has no name for it.
    """
    match compact(of), of:
        case _, Pool():
            return f"Pool({of.statistic}, {of.kernel}x{of.kernel})"
        case _, Separable():
            parts = [f"{of.kernel}x{of.kernel}"]
            parts += [f"dil={of.dilations[0]}"] if of.dilations[0] > 1 else []
            parts += [f"mult={list(of.multipliers)}"] if of.multipliers else []
            return f"Conv({', '.join(parts)})"
        case name, _:
            return {"none": "Zero()", "skip": "Skip()", "c1x7": "Conv(1x7, 7x1)"}[name]


def settings(of: Operation) -> tuple[str, dict[str, Any]]:
    """Return the kind of an operation and its settings, keys in order, as PR-DARTS stores them.

    Raises:
        UsageError: the language has no name for it.
    """
    match compact(of), of:
        case _, Pool():
            return "pool", {"k": of.kernel, "type_": of.statistic}
        case _, Separable():
            return "conv", {"c_mul": list(of.multipliers), "dil": of.dilations[0], "k": of.kernel}
        case name, _:
            return {"c1x7": "conv_7x1_1x7"}.get(name, name), {}


def from_settings(kind: str, named: dict[str, Any]) -> str:
    """Return the compact name of an operation given by its kind and settings.

    Raises:
        UsageError: they do not describe an operation.
    """
    match kind, named:
        case (("none" | "skip"), {**rest}) if not rest:
            return kind
        case "conv_7x1_1x7", {**rest} if not rest:
            return "c1x7"
        case "pool", {"k": int(kernel), "type_": str(type_), **rest} if not rest:
            name = f"{type_}{kernel}"
        case "conv", {"c_mul": list(multipliers), "dil": int(dilation), "k": int(kernel), **rest} if not rest:
            dilated = "" if dilation == 1 else f"d{dilation}"
            name = f"c{kernel}{dilated}{'m' if multipliers else ''}{'.'.join(map(str, multipliers))}"
        case _:
            raise UsageError(
                f"'{kind[:40]}' with {json.dumps(named)[:80]} is not an operation.",
                "Kinds: none, skip, pool {k, type_}, conv {c_mul, dil, k}, conv_7x1_1x7.",
            )
    operation(name)
    return name


def from_json(raw: list[Any]) -> Genotype:
    """Read a genotype as PR-DARTS stores it: ``[normal, normal_concat, reduce, reduce_concat]``.

    A gene is ``[kind, settings, input]``; settings are an object or a list of ``[key, value]``.

    Raises:
        UsageError: it is not such a list; the message names the cell and the gene.
    """
    if len(raw) != len(_PARTS):
        raise UsageError(f"A PR-DARTS genotype is a list of {', '.join(_PARTS)}; this one has {len(raw)} entries.")
    for name, part in zip(_PARTS, raw, strict=True):
        if not isinstance(part, list):
            raise UsageError(f"{name} of the genotype is '{json.dumps(part)[:60]}', but must be a list.")
        if name.endswith("concat") and not all(type(node) is int for node in part):
            raise UsageError(f"{name} of the genotype is '{json.dumps(part)[:60]}', but must be a list of nodes.")
    normal, reduce = (
        [_pair(kind, index, gene) for index, gene in enumerate(part)]
        for kind, part in (("normal", raw[0]), ("reduce", raw[2]))
    )
    return darts.genotype(normal, reduce, raw[1], raw[3])


def parse_list(text: str) -> Genotype:
    """Read the JSON text of a genotype as PR-DARTS stores it; see :func:`from_json`."""
    return from_json(read_json(text))


LIST = TextForm("PR-DARTS's JSON list", lambda text: text.startswith("["), parse_list)


def _pair(cell: str, index: int, gene: Any) -> Pair:
    match gene:
        case [str(kind), dict() | list() as named, int(source)] if not isinstance(source, bool):
            try:
                return from_settings(kind, dict(named)), source
            except (TypeError, ValueError):
                pass
            except UsageError as error:
                raise UsageError(f"Gene {index} of cell '{cell}': {error.message}", error.hint) from None
    raise UsageError(
        f"Gene {index} of cell '{cell}' is '{json.dumps(gene)[:60]}', but must be [kind, settings, input]."
    )
