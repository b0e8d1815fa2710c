"""References to the documentation: every file that is named exists, and has the quoted headings."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.test_house import GENERATED, ROOT, git

READ = ("engine", "runs", "screens", "nastui", "tests", "docs", "README.md", "CONTRIBUTING.md")

# docs/methods/ista.md, "Recovery" and "Genotype": a path, then perhaps headings in double quotes.
REFERENCE = re.compile(r'(?<![\w/.-])(docs/[\w./-]+\.md)((?:(?:,? and|,) "[^"]+")*)')
# The older form of references: a file without its folder, and section numbers.
BARE = re.compile(r"(?<![\w/.-])(drnas|ista|tenas|prdarts|baselines|performance)\.md\b")
LABEL = re.compile(r"\([^()]*\b[TF]\d{1,2}\)|\btraps? \d+\b|\.md[^.\n]{0,24}\b[TF]\d{1,2}\b")

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"#{1,6} +(.+?) *#*")


def tracked(suffix: str) -> list[Path]:
    here = Path(__file__).resolve()
    paths = (ROOT / name for name in git("ls-files", *READ) if name.endswith(suffix))
    return [path for path in paths if path.is_file() and path.resolve() != here]


def joined(text: str) -> str:
    """Return a text on one line, because a reference may continue on the next line of a docstring or comment."""
    return re.sub(r"\s*\n[ \t]*(#[ \t]+)?", " ", text)


def prose(path: Path) -> Iterator[str]:
    """Yield the comments and the strings of a Python file; adjacent comments are joined."""
    comments: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            comments.append(token.string)
        elif token.type == tokenize.STRING:
            yield joined(token.string)
        elif token.type != tokenize.NL:
            yield joined("\n".join(comments))
            comments = []


def outside_fences(text: str) -> str:
    return re.sub(r"^(```|~~~).*?^\1[ \t]*$", "", text, flags=re.MULTILINE | re.DOTALL)


def headings(path: Path) -> list[str]:
    lines = outside_fences(path.read_text(encoding="utf-8")).splitlines()
    return [match[1] for line in lines if (match := HEADING.fullmatch(line))]


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub forms them."""
    found: set[str] = set()
    for heading in headings(path):
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        numbered = (f"{plain}-{number}" for number in range(1, len(found) + 2))
        found.add(next(name for name in (plain, *numbered) if name not in found))
    return found


def faults(text: str) -> list[str]:
    """Return the faults of the references in a text."""
    found = []
    for match in REFERENCE.finditer(joined(text)):
        page = ROOT / match[1]
        if not page.is_file():
            found.append(f"there is no {match[1]}")
            continue
        known = headings(page)
        found += [
            f'{match[1]} has no heading "{heading}"'
            for heading in re.findall(r'"([^"]+)"', match[2])
            if heading not in known
        ]
    return found


@pytest.mark.parametrize("suffix", [".py", ".md"])
def test_every_reference_leads_somewhere(suffix: str) -> None:
    found = {
        str(path.relative_to(ROOT)): wrong
        for path in tracked(suffix)
        if (wrong := faults(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_no_code_refers_by_a_bare_file_or_a_label() -> None:
    found = [
        (str(path.relative_to(ROOT)), match[0])
        for path in tracked(".py")
        for text in prose(path)
        for pattern in (BARE, LABEL)
        if (match := pattern.search(text))
    ]
    assert found == []


def test_every_link_between_pages_resolves() -> None:
    found = []
    for path in tracked(".md"):
        for target in LINK.findall(outside_fences(path.read_text(encoding="utf-8"))):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            page = (path.parent / name).resolve() if name else path
            if page.is_relative_to(GENERATED):
                continue
            if not page.exists() or (anchor and anchor not in anchors(page)):
                found.append((str(path.relative_to(ROOT)), target))
    assert found == []


def test_headings_of_a_page_differ() -> None:
    """References name sections by their headings, so two equal headings would be ambiguous."""
    found = {}
    for path in tracked(".md"):
        if path.is_relative_to(ROOT / "docs" / "methods"):
            known = headings(path)
            if repeated := sorted({heading for heading in known if known.count(heading) > 1}):
                found[path.name] = repeated
    assert found == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('See docs/methods/ista.md, "Recovery" and\n    "Genotype".', []),
        ('# (docs/methods/ista.md, "Measurement\n    # matrices").', []),
        ('docs/methods/tenas.md, "Linear regions", "Cost" and "Genotype": "no heading"', []),
        ("docs/methods/ista.md has it", []),
        ('docs/methods/ista.md, "Recovery" and "Recover"', ['docs/methods/ista.md has no heading "Recover"']),
        ('docs/methods/list.md, "Recovery"', ["there is no docs/methods/list.md"]),
    ],
)
def test_references_are_read(text: str, wrong: list[str]) -> None:
    assert faults(text) == wrong
