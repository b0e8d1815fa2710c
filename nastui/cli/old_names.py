"""Commands that have been renamed. Their old names still work, with a note on stderr that has the new one."""

from __future__ import annotations

from collections.abc import Sequence

_RENAMED = {
    ("bench",): ("profile",),
    ("genotypes",): ("genotype", "list"),
    ("datasets",): ("dataset", "list"),
    ("runs", "remove"): ("runs", "rm"),
    ("sweep", "remove"): ("sweep", "rm"),
    ("benchmark", "remove"): ("benchmark", "rm"),
}
# The commands of a noun are also those of its plural: `nastui genotypes show` is meant as `nastui genotype show`.
_PLURALS = {
    "genotypes": ("genotype", ("list", "show", "score", "convert")),
    "datasets": ("dataset", ("list", "check", "fetch")),
}


def renewed(arguments: Sequence[str]) -> tuple[list[str], str]:
    """Return a command line with today's names, and a note on what has been renamed; empty if nothing has.

    Args:
        arguments: the words after `nastui`.
    """
    places = [place for place, word in enumerate(arguments) if not word.startswith("-")][:2]
    words = tuple(arguments[place] for place in places)
    for old in (words, words[:1]):
        new = _new(old)
        if new is not None:
            break
    else:
        return list(arguments), ""
    before = list(arguments[: places[0]])
    after = [word for place, word in enumerate(arguments) if place > places[0] and place not in places[: len(old)]]
    if old == ("datasets",) and "--download" in after:
        new = ("dataset", "fetch")
        after.remove("--download")
    return [*before, *new, *after], f"`nastui {' '.join(old)}` is now `nastui {' '.join(new)}`."


def _new(words: tuple[str, ...]) -> tuple[str, ...] | None:
    if len(words) == 2 and words[0] in _PLURALS:
        singular, commands = _PLURALS[words[0]]
        return (singular, words[1]) if words[1] in commands else None
    return _RENAMED.get(words)
