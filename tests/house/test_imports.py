"""Which package may import which: checked by the contracts, and by what a process has actually loaded."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]

COMPUTING = ("torch", "torchvision", "numpy", "scipy", "sklearn", "cvxpy", "safetensors", "engine")
SHOWING = ("textual", "typer", "rich", "screens", "nastui")

# Imports every module of a package in turn, and reports which one imported a forbidden module.
WALK = """
import importlib, json, pkgutil, sys

name, forbidden = sys.argv[1], set(sys.argv[2].split(","))

def fail(module):
    raise

package = importlib.import_module(name)
names = [name, *(found.name for found in pkgutil.walk_packages(package.__path__, f"{name}.", onerror=fail))]
brought = {}
for module in names:
    importlib.import_module(module)
    for loaded in forbidden & set(sys.modules):
        brought.setdefault(loaded, module)
print(json.dumps({"modules": names, "brought": brought}))
"""


def python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [("runs", (*COMPUTING, *SHOWING)), ("screens", COMPUTING), ("nastui", COMPUTING), ("engine", SHOWING)],
)
def test_a_process_loads_only_what_its_package_may_know(package: str, forbidden: tuple[str, ...]) -> None:
    told = json.loads(python("-c", WALK, package, ",".join(forbidden)))
    files = {path.relative_to(ROOT).with_suffix("") for path in (ROOT / package).rglob("*.py")}
    assert set(told["modules"]) == {".".join(file.parts).removesuffix(".__init__") for file in files}
    assert told["brought"] == {}


def test_the_contracts_hold() -> None:
    check = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    said = python("-c", check)
    assert re.search(r"[1-9]\d* kept, 0 broken", said)


def circles(imports: dict[str, set[str]]) -> set[str]:
    """Return the nodes that lie on a cycle."""
    reached = {module: set(known) for module, known in imports.items()}
    for middle in imports:
        for known in reached.values():
            if middle in known:
                known.update(reached[middle])
    return {module for module, known in reached.items() if module in known}


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == {"b", "c"}


def test_no_module_imports_itself_through_others() -> None:
    """Imports for type checkers count, and so do those inside functions."""
    graph = grimp.build_graph("nastui", "screens", "engine", "runs", cache_dir=None)
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    assert circles(imports) == set()
