"""Only a search space's own files know it: no other file asks for one by name, so plug-in spaces work everywhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from runs import catalogue

ROOT = Path(__file__).parents[2]
NAMES = frozenset(catalogue.spaces())
# The record, the genotypes, and the engine's part of a space.
OWN = ("runs/catalogue/spaces/", "runs/genotypes/", "engine/spaces/")
# Presets and recipes name their space.
PRESETS = ("runs/catalogue/methods/", "runs/catalogue/training.py")
# Methods that are defined only on DARTS-like cells, with the files that only they use.
ON_DARTS_CELLS = (
    "engine/methods/ista/",
    "engine/methods/pdarts.py",
    "engine/methods/prdarts/",
    "engine/search/skip_dropout.py",
    "runs/catalogue/morphing.py",  # the name of an initial operation pool
)
# TE-NAS normalises with the constants of this code base, whatever the space.
CODE_BASES = ("engine/zero_cost/proxies/preparation.py",)
# The files of public repositories are each of certain spaces.
PUBLIC_FILES = ("runs/imports/formats/",)
MODULE = re.compile(rf"(engine\.spaces|runs\.catalogue\.spaces|runs\.genotypes)\.({'|'.join(sorted(NAMES))})\b")


def named(source: str) -> Iterator[str]:
    """Yield how a file refers to a space: by its name as a string, or by importing one of its modules."""
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
            if not name.startswith((*OWN, *PRESETS, *ON_DARTS_CELLS, *CODE_BASES, *PUBLIC_FILES)):
                found |= {name: asked} if (asked := sorted(set(named(path.read_text(encoding="utf-8"))))) else {}
    assert found == {}


def test_the_sieve_finds_what_it_looks_for() -> None:
    source = "from runs.genotypes import darts\nimport engine.spaces.nasbench201\nif space == 'darts_nasp': ...\n"
    assert sorted(named(source)) == ["darts_nasp", "engine.spaces.nasbench201", "runs.genotypes.darts"]
