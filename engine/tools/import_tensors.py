"""``python -P -m engine.tools.import_tensors FILE REQUEST``: the tensors in a file of a public repository.

They are architecture parameters, or the weights of a trained network. REQUEST is JSON: ``genotypes`` that the weights
may belong to, each with ``name``, ``genotype`` and ``is_likely``; ``is_given`` if a user named it; and ``dataset``,
``recipes`` and ``folder`` of :func:`engine.tools.import_weights.convert`.

The file is NumPy's ``.npy`` or torch's. Nothing in it is executed: NumPy reads numbers only, and torch only what it
knows to be safe. See docs/imports.md.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from engine.core.subprocess_task import run_task
from engine.tools.benchmark_import import bound_memory
from engine.tools.import_weights import Candidate, convert
from engine.training.weights import NESTS, read_content, state_of
from runs import catalogue
from runs.catalogue.genotype_text import parse_text
from runs.errors import UsageError
from runs.files import open_regular
from runs.genotypes.genotype import Genotype

MOST_NUMBERS = 10_000_000
_NUMPY = b"\x93NUMPY"
_ALPHAS = re.compile(r"alpha|(^|[._])arch\w*param")
# Under which checkpoints of NAS-Bench-201 name their cell.
_CELL_NAMES = ("arch_str", "genotype")
_BETAS = re.compile(r"beta")
Rows = list[list[float]]


def describe(arguments: list[str]) -> dict[str, Any]:
    """Return what a file holds.

    Returns:
        ``alphas``: :class:`runs.imports.formats.alphas.Parameters` as a dictionary, or ``weights``: the result of
        :func:`engine.tools.import_weights.convert`, with ``epoch`` and ``accuracy`` if the file has them.

    Raises:
        UsageError: it cannot be read, is damaged, needs code to be read, or holds neither.
    """
    path, request = Path(arguments[0]), json.loads(arguments[1])
    bound_memory()
    try:
        content = read(path)
        if (found := parameters(content)) is not None:
            return {"alphas": found}
        return {"weights": _weights(content, path, request)}
    except MemoryError as error:
        raise UsageError(f"'{path}' does not fit into this machine's memory.") from error


def _weights(content: Any, path: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    named = content if isinstance(content, Mapping) else {}
    tensors = state_of(content, path)
    own = [named[name] for name in _CELL_NAMES if isinstance(named.get(name), str)]
    if any(tensor.numel() * tensor.element_size() > 2 * path.stat().st_size for tensor in tensors.values()):
        raise UsageError(f"'{path}' is damaged: it has tensors that are larger than the file.")
    candidates = [
        Candidate(entry["name"], Genotype.from_json(entry["genotype"]), entry["is_likely"])
        for entry in request["genotypes"]
    ]
    if not request["is_given"]:
        candidates = [Candidate("", parse_text(text)) for text in own] or candidates
    folder, dataset, recipes = Path(request["folder"]), request["dataset"], request["recipes"]
    found = convert(tensors, path, candidates, folder, dataset=dataset, recipes=recipes)
    numbers = {"epoch": named.get("epoch"), "accuracy": named.get("best_acc_top1", named.get("best_acc"))}
    return found | {name: _number(value) for name, value in numbers.items()}


def _number(value: Any) -> float | None:
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None


def read(path: Path) -> Any:
    """Return the content of a file: an array, tensors, or lists and dictionaries of such.

    Raises:
        UsageError: it cannot be read, is damaged, or needs code to be read.
    """
    try:
        with open_regular(path) as stream:
            if stream.peek(len(_NUMPY))[: len(_NUMPY)] != _NUMPY:
                return read_content(path)
            array = np.load(stream, allow_pickle=False)
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror or error}.") from error
    except (ValueError, EOFError, SyntaxError) as error:
        raise UsageError(
            f"'{path}' holds more than numbers, or is damaged. It was not opened.",
            "A file that would run code is never opened: save the alphas as one array of numbers.",
        ) from error
    return array


def parameters(content: Any) -> dict[str, Any] | None:
    """Return the architecture parameters in some content; None if it has none."""
    if not isinstance(content, Mapping):
        steps = list(_steps(content))
        return {"steps": steps, "betas": _flat(content), "epoch": None} if steps else None
    named = {str(name): value for name, value in content.items()}
    alphas = [value for name, value in _by_cell(named) if _ALPHAS.search(name)]
    alphas = list(alphas[0]) if len(alphas) == 1 and isinstance(alphas[0], list | tuple) else alphas
    if alphas:
        betas = _flat([value for name, value in _by_cell(named) if _BETAS.search(name)]) or _flat(alphas)
        epoch = named.get("epoch")
        whole = alphas[0] if len(alphas) == 1 else alphas
        if steps := list(_steps(whole)):
            return {"steps": steps, "betas": betas, "epoch": epoch if isinstance(epoch, int) else None}
    for name in NESTS:
        if name in named and (found := parameters(named[name])) is not None:
            epoch = named.get("epoch")
            return found | ({"epoch": epoch} if isinstance(epoch, int) else {})
    return None


def _by_cell(named: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return entries with those of the normal cell first; the order is kept otherwise."""
    return sorted(named.items(), key=lambda entry: "reduce" in entry[0])


def _steps(value: Any) -> Iterator[list[Rows]]:
    """Yield the matrices of each epoch. An array of three dimensions is one epoch if it fits a space, else a series."""
    if isinstance(value, Tensor | np.ndarray):
        match value.ndim:
            case 2:
                yield [_rows(value)]
            case 3 if (len(value), value.shape[1]) in {(len(of.cells), len(of.edges)) for of in _spaces()}:
                yield [_rows(cell) for cell in value]
            case 3:
                yield from ([_rows(cell)] for cell in value)
            case 4:
                yield from ([_rows(cell) for cell in step] for step in value)
    elif isinstance(value, list | tuple):
        matrices = [part for part in value if isinstance(part, Tensor | np.ndarray) and part.ndim == 2]
        if matrices:
            yield [_rows(matrix) for matrix in matrices]
        elif all(isinstance(part, list | tuple) for part in value):
            for part in value:
                yield from _steps(part)


def _flat(value: Any) -> list[list[float]]:
    """Return the vectors among some values."""
    parts = value if isinstance(value, list | tuple) else []
    return [_numbers(part) for part in parts if isinstance(part, Tensor | np.ndarray) and part.ndim == 1]


def _rows(matrix: Tensor | np.ndarray[Any, Any]) -> Rows:
    _refuse_large(matrix)
    return [_numbers(row) for row in matrix]


def _numbers(vector: Tensor | np.ndarray[Any, Any]) -> list[float]:
    _refuse_large(vector)
    values: Sequence[Any] = vector.tolist()
    if any(isinstance(value, complex | str | bytes) for value in values):
        raise UsageError("The alphas are not real numbers.")
    return [float(value) for value in values]


def _refuse_large(values: Tensor | np.ndarray[Any, Any]) -> None:
    size = values.numel() if isinstance(values, Tensor) else values.size
    if size > MOST_NUMBERS:
        raise UsageError(f"The alphas have {size:,} numbers; no search has more than {MOST_NUMBERS:,}.")


def _spaces() -> Sequence[catalogue.Space]:
    return tuple(catalogue.spaces().values())


if __name__ == "__main__":
    run_task(describe)
