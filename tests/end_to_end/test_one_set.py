"""Our four packages have common names; each process finds ours, or says which file is in the way."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import nastui_start
from nastui_start import PACKAGES
from tests.end_to_end.conftest import TINY, Cli, shadows

ROOT = Path(__file__).parents[2]
# What PyPI's `runs` puts in the place of our `runs/__init__.py` does more than this, and nothing else.
OTHER_RUNS = "def run(*commands):\n    '''Run commands.'''\n"
WHERE = """
import importlib, json, sys
import nastui_start
print(json.dumps({name: list(importlib.import_module(name).__path__)[:1] for name in nastui_start.PACKAGES}))
"""


def python(
    *words: object, folder: Path | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python with its safe path."""
    return subprocess.run(
        [sys.executable, "-P", *map(str, words)],
        env=os.environ | (environment or {}),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Path]:
    """An environment's folder of packages, as pip leaves it; `runs` may be changed."""
    folder = tmp_path / "site"
    shutil.copytree(ROOT / "runs", folder / "runs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(nastui_start.FILE, folder / "nastui_start.py")
    for name in set(PACKAGES) - {"runs"}:
        (folder / name).symlink_to(ROOT / name)
    install(folder, "nastui", [path.relative_to(folder) for path in (folder / "runs").rglob("*.py")])
    yield folder


def install(folder: Path, name: str, files: list[Path]) -> None:
    """Note files as those of a distribution, with their checksums."""
    notes = folder / f"{name}-1.0.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    sums = [base64.urlsafe_b64encode(hashlib.sha256((folder / file).read_bytes()).digest()) for file in files]
    lines = [f"{file},sha256={sum.decode().rstrip('=')},1" for file, sum in zip(files, sums, strict=True)]
    (notes / "RECORD").write_text("\n".join([*lines, f"{notes.name}/RECORD,,"]))


def test_the_console_script_starts_where_no_other_module_can_be_meant() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"nastui": "nastui_start:main"}


@pytest.mark.parametrize("kind", ["module", "package", "namespace"])
def test_foreign_modules_on_the_path_are_not_found(tmp_path: Path, kind: str) -> None:
    folder = shadows(tmp_path / kind, kind)
    done = python("-c", WHERE, environment={"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])})
    assert json.loads(done.stdout) == {name: [str(ROOT / name)] for name in PACKAGES}, done.stderr


def test_packages_that_a_start_up_hook_has_imported_are_not_taken_for_ours(tmp_path: Path) -> None:
    folder = shadows(tmp_path / "foreign", "module", "run = print")
    (folder / "sitecustomize.py").write_text("import engine, runs, screens, nastui; held = runs; held.run('hook')")
    done = python("-c", WHERE, environment={"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])})
    hook, found = done.stdout.splitlines()
    assert hook == "hook"
    assert json.loads(found) == {name: [str(ROOT / name)] for name in PACKAGES}


@pytest.mark.parametrize("module", ["nastui", "engine"])
def test_a_module_started_by_its_name_finds_the_others(tmp_path: Path, module: str) -> None:
    """As in `torchrun -m engine` and `python -m nastui`."""
    folder = shadows(tmp_path / "foreign", "package")
    shutil.rmtree(folder / module)
    done = python("-m", module, "--version", environment={"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])})
    assert "foreign" not in done.stdout + done.stderr
    assert (done.returncode, done.stdout[:7]) == (0, "nastui ") if module == "nastui" else (1, "")


def test_a_search_ends_whatever_else_has_our_names(cli: Cli, tmp_path: Path) -> None:
    """A folder, PYTHONPATH and a hook at once; all processes find each other all the same."""
    shadows(cli.folder, "package")
    (cli.folder / "torch.py").write_text("raise SystemExit('imported torch of a hostile folder')")
    foreign = shadows(shadows(tmp_path / "foreign", "module"), "namespace")
    (foreign / "sitecustomize.py").write_text("import sys, types; sys.modules['runs'] = types.ModuleType('runs')")
    settings = [word for key, value in (TINY | {"epochs": 1}).items() for word in ("--set", f"{key}={value}")]
    words = ["search", "drnas", "--preset", "quick", *settings, "--follow", "--json"]
    environment = cli.environment | {"PYTHONPATH": os.pathsep.join([str(foreign), str(ROOT)])}
    done = python(nastui_start.FILE, "nastui", *words, folder=cli.folder, environment=environment)
    assert json.loads(done.stdout.splitlines()[-1])["status"] == "finished", done.stderr
    assert done.returncode == 0


def test_an_overlay_of_the_package_changes_nothing(cli: Cli, installed: Path) -> None:
    (installed / "runs/__init__.py").write_text(OTHER_RUNS)
    install(installed, "runs", [Path("runs/__init__.py")])
    start = installed / "nastui_start.py"
    done = python(start, "nastui", "runs", "list", "--json", environment=cli.environment)
    assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr
    told = python("-c", "import nastui_start as s; print(s.damage(), s.others())", folder=installed)
    assert told.stdout == "[] []\n", "of this working copy"
    told = python(
        "-c", WHERE + "print(nastui_start.damage(), nastui_start.others())", environment={"PYTHONPATH": str(installed)}
    )
    assert told.stdout.splitlines()[1] == f"['{installed}/runs/__init__.py'] ['runs']"


def test_doctor_names_the_distribution_that_shares_our_packages(cli: Cli, installed: Path) -> None:
    (installed / "runs/__init__.py").write_text(OTHER_RUNS)
    install(installed, "runs", [Path("runs/__init__.py")])
    code = "import nastui_start; from nastui.cli.doctor import _packages; print(_packages()[0])"
    told = python("-c", code, environment={"PYTHONPATH": str(installed)}).stdout
    assert f"'{installed}/runs/__init__.py' was replaced or removed; by 'runs'" in told
    assert "uv tool install nastui" in told


def test_a_replaced_module_is_named_in_one_sentence(cli: Cli, installed: Path) -> None:
    (installed / "runs/errors.py").write_text("x = 1\n")
    (installed / "runs/__init__.py").write_text(OTHER_RUNS)
    install(installed, "runs", [Path("runs/__init__.py"), Path("runs/errors.py")])
    for module in ("nastui", "engine"):
        done = python(installed / "nastui_start.py", module, cli.home.root, environment=cli.environment)
        assert (done.returncode, done.stdout) == (5, "")
        assert done.stderr == (
            f"nastui: '{installed}/runs/errors.py' is not the file that nastui installed; it was replaced or removed, "
            "most likely by 'runs'. "
            "Install nastui in an environment of its own: uv tool install nastui, or pipx install nastui.\n"
        )


def test_a_fault_of_ours_keeps_its_traceback(installed: Path) -> None:
    done = python(installed / "nastui_start.py", "engine.absent")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
