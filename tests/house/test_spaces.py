"""A search space is known only by its own files: nothing else asks for one by name, so a plug-in space fits in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from runs import catalogue

ROOT = Path(__file__).parents[2]
NAMES = frozenset(catalogue.spaces())
# The record, the genotypes, and the engine's half of a space.
OWN = ("runs/catalogue/spaces/", "runs/genotypes/", "engine/spaces/")
# Presets and recipes name the space that they are for.
PRESETS = ("runs/catalogue/methods/", "runs/catalogue/training.py")
# Methods that are defined on DARTS-like cells alone, with what only they use.
ON_DARTS_CELLS = (
    "engine/methods/ista/",
    "engine/methods/pdarts.py",
    "engine/methods/prdarts/",
    "engine/search/skip_dropout.py",
    "runs/catalogue/morphing.py",  # the name of an initial pool of operations
)
# TE-NAS normalises by the constants of this code base, whatever the space.
CODE_BASES = ("engine/zero_cost/proxies/preparation.py",)
MODULE = re.compile(rf"(engine\.spaces|runs\.catalogue\.spaces|runs\.genotypes)\.({'|'.join(sorted(NAMES))})\b")


def named(source: str) -> Iterator[str]:
    """Yield how a file asks for a space: by its name as a string, or by importing a module of its own."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=str(text)) if text in NAMES:
                yield text
            case ast.ImportFrom(module=str(module), names=names):
                for full in (module, *(f"{module}.{name.name}" for name in names)):
                    if MODULE.match(full):
                        yield full
            case ast.Import(names=names):
                yield from (name.name for name in names if MODULE.match(name.name))


def test_only_its_own_files_ask_for_a_space_by_name() -> None:
    found = {}
    for package in ("engine", "runs", "screens", "nastui"):
        for path in (ROOT / package).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith((*OWN, *PRESETS, *ON_DARTS_CELLS, *CODE_BASES)):
                found |= {name: asked} if (asked := sorted(set(named(path.read_text(encoding="utf-8"))))) else {}
    assert found == {}


def test_the_sieve_finds_what_it_looks_for() -> None:
    source = "from runs.genotypes import darts\nimport engine.spaces.nasbench201\nif space == 'darts_nasp': ...\n"
    assert sorted(named(source)) == ["darts_nasp", "engine.spaces.nasbench201", "runs.genotypes.darts"]
