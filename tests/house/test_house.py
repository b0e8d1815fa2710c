"""The repository as a whole: what ships, and what must not be written into it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = sorted(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])

# Where packages come from is for the machine that installs them to say. (Written so as not to match itself.)
REGISTRY = re.compile(
    rb"pythonhosted\.org|pypi\.org|(test\.)?pypi\.python\.org|anaconda\.(org|com)|conda[-]forge"
    rb"|https?://[^\s/]*(artifactory|devpi|mirror|nexus|registry)|index[-]url|file:[/]{3}"
)
# Home folders, and folders that stand at the root of one machine.
MACHINE = re.compile(rb"(?<![\w./~<>-])/(home|root|Users|work|workspace|mnt|media|scratch)/[\w.-]+")


def git(*arguments: str) -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    try:
        done = subprocess.run(["git", *arguments, "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("no git")
    return [name for name in done.stdout.split("\0") if name]


@pytest.mark.parametrize("pattern", [REGISTRY, MACHINE], ids=["registry", "machine"])
def test_no_tracked_file_names(pattern: re.Pattern[bytes]) -> None:
    found = []
    for name in git("ls-files"):
        path = ROOT / name
        if path.is_file() and (match := pattern.search(path.read_bytes())):
            found.append((name, match[0]))
    assert found == []


def test_every_package_is_in_the_wheel() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert sorted(folders - {"tests"}) == PACKAGES
    assert sorted(PROJECT["tool"]["importlinter"]["root_packages"]) == PACKAGES
    assert sorted(PROJECT["tool"]["mypy"]["packages"]) == PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_typed_and_complete(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
    for path in (ROOT / package).rglob("*.py"):
        assert (path.parent / "__init__.py").is_file(), f"{path} lies in no package"


def test_no_file_of_a_package_is_ignored() -> None:
    """What git ignores, the wheel leaves out: a folder of ours named ``build`` would vanish."""
    ignored = git("ls-files", "--others", "--ignored", "--exclude-standard", *PACKAGES)
    assert [name for name in ignored if "__pycache__" not in name] == []
