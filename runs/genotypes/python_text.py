"""``Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=[2, 3, 4, 5], reduce=[…], reduce_concat=range(2, 6))``.

The public repositories of DARTS and its descendants print genotypes as this text, alone, in the lines of a log or as
assignments in a file. It is Python, but it is only read as a syntax tree of a fixed shape; nothing is evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import TypeGuard

from runs.errors import UsageError, closest
from runs.genotypes import darts
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.darts import Pair
from runs.genotypes.genotype import Genotype
from runs.genotypes.text_form import TextForm

MOST_CHARACTERS = 50_000
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_START = re.compile(r"(?:\b(\w{1,80})\s*=\s*)?\bGenotype\s*\(\s*(?=\w+\s*=)", re.ASCII)
_TOKEN = re.compile(r"#[^\n]*|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|[()\[\]{}]")
_ALONE = re.compile(r"(?:\w{1,80}\s*=\s*)?Genotype\s*\(", re.ASCII)
# Names of a concatenation that both cells share: that of AutoDL-Projects, and that of repositories with one cell size.
_SHARED_CONCATS = ("connectN", "concat")


def looks_like(text: str) -> bool:
    """Return whether a text starts like ``Genotype(`` or ``NAME = Genotype(``, or has that somewhere."""
    return _ALONE.match(text) is not None or _START.search(text) is not None


def named(text: str, name: str) -> str:
    """Return the text of the genotype that a longer text assigns to a name.

    Raises:
        UsageError: it has no genotype of that name; the closest is suggested.
    """
    calls = _cut(text)
    if name not in calls:
        raise UsageError(f"The file has no genotype '{name[:80]}'.", closest(name, calls))
    return calls[name]


def _cut(text: str) -> dict[str, str]:
    """Return the calls of ``Genotype`` in a longer text, by the name to which each is assigned; equal ones once.

    A call without a name is named by its number.
    """
    found: dict[str, str] = {}
    end = 0
    for number, start in enumerate(_START.finditer(text), start=1):
        if start.start() < end:
            continue
        begin = start.group().index("Genotype") + start.start()
        end = _end_of_call(text, begin)
        if (call := text[begin:end]) not in found.values():
            found[start[1] or f"number {number}"] = call
    return found


def _end_of_call(text: str, begin: int) -> int:
    """Return the index after the parenthesis that closes the first one, or the end of the text."""
    depth = 0
    for token in _TOKEN.finditer(text, begin):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.group(), 0)
        if token.group() in ")]}" and depth <= 0:
            return token.end()
    return len(text)


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
    text = _only_call(text)
    fields = _fields(_call(text))
    cells = {kind: _pairs(kind, fields[kind], text) for kind in (NORMAL, REDUCE) if kind in fields}
    concats = {name: _nodes(name, node, text) for name, node in fields.items() if name.endswith("_concat")}
    missing = [name for name in _FIELDS if name not in fields]
    if missing:
        raise UsageError(f"The genotype lacks {' and '.join(f'{name}=' for name in missing)}.")
    return darts.genotype(cells[NORMAL], cells[REDUCE], concats[f"{NORMAL}_concat"], concats[f"{REDUCE}_concat"])


def _only_call(text: str) -> str:
    if _ALONE.match(text) and len(_START.findall(text)) <= 1:
        return text  # nothing else: whatever follows it is a fault
    calls = _cut(text) if len(text) <= MOST_CHARACTERS else {}
    if len(calls) > 1:
        names = ", ".join(list(calls)[:12]) + (", …" if len(calls) > 12 else "")
        raise UsageError(f"The text holds {len(calls)} genotypes: {names}.", "Give the text of one, or FILE:NAME.")
    return next(iter(calls.values()), text)


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
        if name in _SHARED_CONCATS:
            for kind in (NORMAL, REDUCE):
                fields.setdefault(f"{kind}_concat", keyword.value)
            continue
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
    # AutoDL-Projects puts the pairs of each node into a tuple of their own.
    entries = [pair for entry in node.elts for pair in (entry.elts if _is_node(entry) else [entry])]
    for index, entry in enumerate(entries):
        match _plain(entry):
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
            plain = [_number(entry) for entry in entries]
            values = [entry.value for entry in plain if isinstance(entry, ast.Constant)]
            numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
            if len(numbers) == len(entries):
                return numbers
    raise UsageError(f"{name} is {_source(node, text)}, but must be a list of nodes or range(first, last + 1).")


def _is_node(entry: ast.expr) -> TypeGuard[ast.Tuple | ast.List]:
    """Return whether an entry of a cell holds the pairs of a whole node."""
    return (
        isinstance(entry, ast.Tuple | ast.List)
        and bool(entry.elts)
        and all(isinstance(pair, ast.Tuple | ast.List) for pair in entry.elts)
    )


def _plain(entry: ast.expr) -> ast.expr:
    """Return a pair of an operation and a plain number; a third part, the weight of some repositories, is left out."""
    if not isinstance(entry, ast.Tuple | ast.List) or len(entry.elts) not in (2, 3):
        return entry
    if len(entry.elts) == 3 and not isinstance(_number(entry.elts[2]), ast.Constant):
        return entry
    return ast.Tuple([entry.elts[0], _number(entry.elts[1])])


def _number(node: ast.expr) -> ast.expr:
    """Return the argument of ``np.int64(2)``, ``int(2)`` or ``tensor(2)``; anything else as it is."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant() as inner], keywords=[]):
            if re.fullmatch(r"u?int\d{0,2}|tensor|float\d{0,2}", name):
                return inner
    return node


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _source(node: ast.expr, text: str) -> str:
    segment = " ".join((ast.get_source_segment(text.strip(), node) or "").split())
    return f"'{segment[:60]}…'" if len(segment) > 60 else f"'{segment}'"
