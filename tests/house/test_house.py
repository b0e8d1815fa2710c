"""The repository as a whole: what it ships, and what must not be in its files."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import nastui
import nastui_start

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "docs" / "reference"  # by docs/reference.py; tests/house/test_site.py checks links to its pages
DOCS = [path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md") if not path.is_relative_to(GENERATED)]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = sorted(PROJECT["tool"]["importlinter"]["root_packages"])

# Only the machine that installs packages decides where they come from. (Written so as not to match itself.)
REGISTRY = re.compile(
    rb"pythonhosted\.org|pypi\.org|(test\.)?pypi\.python\.org|anaconda\.(org|com)|conda[-]forge"
    rb"|https?://[^\s/]*(artifactory|devpi|mirror|nexus|registry)|index[-]url|file:[/]{3}"
)
# Home folders, and top-level folders of a particular machine.
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
    assert sorted(nastui_start.PACKAGES) == PACKAGES
    shipped = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert sorted(shipped) == sorted([*PACKAGES, "nastui_start.py"])
    assert sorted(PROJECT["tool"]["mypy"]["packages"]) == PACKAGES


@pytest.mark.parametrize("package", ["engine", "runs", "screens"])
def test_a_package_with_a_common_name_has_nothing_in_its_init(package: str) -> None:
    """Another distribution may replace this file, so `nastui_start.py` does not execute it."""
    body = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8")).body
    assert [ast.unparse(line) for line in body[1:]] in ([], ["import nastui_start"])


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_typed_and_complete(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
    for path in (ROOT / package).rglob("*.py"):
        assert (path.parent / "__init__.py").is_file(), f"{path} lies in no package"


def test_no_file_of_a_package_is_ignored() -> None:
    """The wheel leaves out what git ignores: a folder of ours named ``build`` would be missing from it."""
    ignored = git("ls-files", "--others", "--ignored", "--exclude-standard", *PACKAGES)
    assert [name for name in ignored if "__pycache__" not in name] == []


# A path in backticks: a folder, or a file of the repository. Words in capitals are placeholders.
PATH = re.compile(r"`((?:[\w.-]+/)+(?:[\w.-]+)?|[\w-]+\.(?:md|toml))`")
OF_USERS = {"requests/", "trash/", "config.toml", "val/", "build/site"}  # in their homes and data, or built
OF_USERS |= {"datasets/", "slurm/jobs.json", "sweeps/ID/sweep.json", ".venv/bin/nastui"}
OF_USERS |= {".gpu/out", ".gpu/wheels", "OUT/measurements.jsonl"}  # made by tests/gpu/acceptance
# They name files of the public code, too.
OF_OTHERS = {page for page in map(str, DOCS) if page.startswith("docs/methods/")} - {"docs/methods/README.md"}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *sorted(set(map(str, DOCS)) - OF_OTHERS)])
def test_every_path_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = {path for path in PATH.findall(text) if "NAME" not in path} - OF_USERS
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *sorted(map(str, DOCS))])
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"", text)
    named = {link or source for link, source in links if "://" not in (link or source)}
    targets = {link: (ROOT / page).parent.joinpath(link).resolve() for link in named}
    assert [link for link, at in targets.items() if not at.exists() and not at.is_relative_to(GENERATED)] == []


def test_both_commands_of_the_readme_are_what_ci_runs() -> None:
    """``.ci/run`` runs the first and the second fenced block of shell commands."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.S | re.M)
    assert "nastui search drnas --preset quick --follow" in blocks[0]
    assert ".venv/bin/pytest" in blocks[1]
    assert all(len(block.splitlines()) == 1 for block in blocks[:2])


def test_the_readme_is_for_someone_with_a_minute() -> None:
    """It has at most two screens; everything else is in ``docs/``."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 100


def test_the_changelog_has_the_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings[:2] == ["Unreleased", nastui.__version__]
