"""``Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=[2, 3, 4, 5], reduce=[…], reduce_concat=range(2, 6))``.

The public repositories of DARTS and its descendants print genotypes as this text. It is Python, but it is only read as
a syntax tree of a fixed shape; nothing is evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings

from runs.errors import UsageError, closest
from runs.genotypes import darts
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.darts import Pair
from runs.genotypes.genotype import Genotype
from runs.genotypes.text_form import TextForm

MOST_CHARACTERS = 50_000
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_START = re.compile(r"(?:\w{1,80}\s*=\s*)?Genotype\s*\(", re.ASCII)


def looks_like(text: str) -> bool:
    """Return whether a text starts like ``Genotype(`` or ``NAME = Genotype(``."""
    return _START.match(text) is not None


def format_python(genotype: Genotype) -> str:
    """Return the text of a genotype of the DARTS space, on one line."""
    parts = []
    for kind in (NORMAL, REDUCE):
        cell = genotype.cells[kind]
        parts += [f"{kind}={darts.pairs(cell)}", f"{kind}_concat={list(cell.outputs)}"]
    return f"Genotype({', '.join(parts)})"


def parse_python(text: str) -> Genotype:
    """Read the text of a genotype of the DARTS space; nothing is evaluated.

    Raises:
        UsageError: it is not such a text; the message names the cell and the entry.
    """
    fields = _fields(_call(text))
    cells = {kind: _pairs(kind, fields[kind], text) for kind in (NORMAL, REDUCE) if kind in fields}
    concats = {name: _nodes(name, node, text) for name, node in fields.items() if name.endswith("_concat")}
    missing = [name for name in _FIELDS if name not in fields]
    if missing:
        raise UsageError(f"The genotype lacks {' and '.join(f'{name}=' for name in missing)}.")
    return darts.genotype(cells[NORMAL], cells[REDUCE], concats[f"{NORMAL}_concat"], concats[f"{REDUCE}_concat"])


PYTHON = TextForm("Genotype(normal=…)", looks_like, parse_python)


def _call(text: str) -> ast.Call:
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"The genotype has {len(text):,} characters; {MOST_CHARACTERS:,} are the most.")
    try:
        with warnings.catch_warnings():
            # The parser prints warnings about odd escapes and the like to stderr.
            warnings.simplefilter("ignore")
            body = ast.parse(text.strip()).body
    except SyntaxError as error:
        raise UsageError(f"The genotype cannot be read: {error.msg} in line {error.lineno}.") from None
    except (ValueError, MemoryError, RecursionError):
        raise UsageError("The genotype cannot be read: it is nested too deeply or holds strange characters.") from None
    statement = body[0] if len(body) == 1 else None
    value = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
    if not isinstance(value, ast.Call) or not _is_name(value.func, "Genotype"):
        raise UsageError("The text is not one Genotype(normal=…, normal_concat=…, reduce=…, reduce_concat=…).")
    return value


def _fields(call: ast.Call) -> dict[str, ast.expr]:
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise UsageError("The parts of a Genotype are given by name.", f"Allowed: {', '.join(_FIELDS)}.")
    fields: dict[str, ast.expr] = {}
    for keyword in call.keywords:
        name = str(keyword.arg)
        if name not in _FIELDS:
            raise UsageError(f"Unknown part '{name[:80]}' of the Genotype.", closest(name, _FIELDS))
        if name in fields:
            raise UsageError(f"The genotype gives {name}= twice.")
        fields[name] = keyword.value
    return fields


def _pairs(kind: str, node: ast.expr, text: str) -> list[Pair]:
    if not isinstance(node, ast.List | ast.Tuple):
        raise UsageError(f"{kind} is {_source(node, text)}, but must be a list of ('operation', node).")
    found: list[Pair] = []
    for index, entry in enumerate(node.elts):
        match entry:
            case (
                ast.Tuple(elts=[ast.Constant(value=str(name)), ast.Constant(value=int(source))])
                | ast.List(elts=[ast.Constant(value=str(name)), ast.Constant(value=int(source))])
            ) if not isinstance(source, bool):
                found.append((name, source))
            case _:
                raise UsageError(f"Entry {index} of {kind} is {_source(entry, text)}, but must be ('operation', node).")
    return found


def _nodes(name: str, node: ast.expr, text: str) -> list[int]:
    match node:
        case ast.Call(func=function, args=[ast.Constant(value=int(first)), ast.Constant(value=int(last))], keywords=[]):
            if _is_name(function, "range") and 0 <= last - first <= darts.MOST_NODES:
                return list(range(first, last))
        case ast.List(elts=entries) | ast.Tuple(elts=entries):
            values = [entry.value for entry in entries if isinstance(entry, ast.Constant)]
            numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
            if len(numbers) == len(entries):
                return numbers
    raise UsageError(f"{name} is {_source(node, text)}, but must be a list of nodes or range(first, last + 1).")


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _source(node: ast.expr, text: str) -> str:
    segment = " ".join((ast.get_source_segment(text.strip(), node) or "").split())
    return f"'{segment[:60]}…'" if len(segment) > 60 else f"'{segment}'"
