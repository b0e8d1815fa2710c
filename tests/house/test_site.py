"""The documentation as a site: it builds without a warning, and its reference pages describe the code."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest

from runs import catalogue
from runs.catalogue.settings import describe
from tests.command_tree import commands
from tests.house.test_house import DOCS, ROOT, git


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


reference = _module(ROOT / "docs" / "reference.py")
NAVIGATION = re.findall(r"^ +- .*?([\w./-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    found: dict[str, str] = reference.pages()
    return found


class _Links(HTMLParser):
    """Collects the targets of a page's links and pictures, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {name for key in ("id", "name") if (name := given.get(key))}
        self.targets += [target for key in ("href", "src") if (target := given.get(key))]


def test_the_site_builds_strictly_and_every_link_in_it_resolves(tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="pip install -e '.[docs]'")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("reference"))
    reference.write(tmp_path / "docs" / "reference")
    built = subprocess.run(
        [sys.executable, "-P", "-m", "zensical", "build", "--strict"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"NO_COLOR": "1"},
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr

    site = tmp_path / "build" / "site"
    read: dict[Path, _Links] = {}
    for path in site.rglob("*.html"):
        read[path.resolve()] = links = _Links()
        links.feed(path.read_text(encoding="utf-8"))
    broken = []
    for path, links in read.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            aim = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            lacks_anchor = parts.fragment and aim in read and unquote(parts.fragment) not in read[aim].anchors
            if not aim.exists() or lacks_anchor:
                broken.append((str(path.relative_to(site.resolve())), target))
    assert broken == []


def test_the_navigation_has_every_page_once(pages: dict[str, str]) -> None:
    """The pages of single methods are reached from the page of all hyperparameters."""
    written = {str(page.relative_to("docs")) for page in DOCS}
    generated = {f"reference/{name}" for name in pages if name.endswith(".md") and "/" not in name}
    assert sorted(NAVIGATION) == sorted(written | generated)


def test_the_reference_has_every_command_with_its_options(pages: dict[str, str]) -> None:
    for words, command in commands().items():
        assert f" {' '.join(('nastui', *words))}\n" in pages["commands.md"]
        for parameter in command.params:
            if parameter.opts[0].startswith("--"):
                assert re.search(rf"^\| `[^`]*{parameter.opts[0]}\b", pages["commands.md"], re.MULTILINE)


def test_the_manual_page_is_that_of_the_code() -> None:
    """The wheel installs it, so it is kept; it changes with every help text."""
    kept = (ROOT / "docs" / "nastui.1").read_text(encoding="utf-8")
    assert kept == reference.man_page(), "python docs/reference.py --man > docs/nastui.1"


def test_no_type_of_python_is_shown_for_an_option(pages: dict[str, str]) -> None:
    shown = re.findall(r"^\| `(.+?)` \|", pages["commands.md"], re.MULTILINE)
    assert [typed for typed in shown if re.search(r"<|list\[|\b(str|int|float|bool|path)\b", typed)] == []


def test_the_reference_has_every_hyperparameter_of_every_method(pages: dict[str, str]) -> None:
    for method in (*catalogue.methods().values(), catalogue.trainer()):
        for space in method.spaces:
            for info in describe(catalogue.options(method, catalogue.space(space))):
                assert f"| `{info.name}` |" in pages[f"methods/{method.name}.md"]


def test_the_reference_has_every_environment_variable_of_the_code(pages: dict[str, str]) -> None:
    sources = [ROOT / name for name in git("ls-files", "nastui", "screens", "runs", "engine") if name.endswith(".py")]
    named = {name for path in sources for name in re.findall(r"NASTUI_[A-Z_]+", path.read_text(encoding="utf-8"))}
    internal = {"NASTUI_SUBPROCESS_TASK", "NASTUI_SUPERVISED"}
    internal |= {"NASTUI_EVENT"}  # set for a program: docs/notifications.md, "Command"
    assert sorted(named - internal) == sorted(name for name in reference.VARIABLES if name.startswith("NASTUI_"))


def test_the_reference_describes_every_setting_and_every_event(pages: dict[str, str]) -> None:
    assert not re.search(r"\| +\|$", pages["configuration.md"], re.MULTILINE)
    assert not re.search(r"\| +\|$", pages["events.md"], re.MULTILINE)
    for name in reference.events.EVENT_TYPES:
        assert f"## {name}\n" in pages["events.md"]
        assert f'"const": "{name}"' in pages["event.schema.json"]
