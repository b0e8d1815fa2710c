"""Published and found genotypes as models of the Genotypes screen. Reads files: call it in a thread."""

from __future__ import annotations

import contextlib
import re

from runs.benchmarks import store as tables
from runs.catalogue import library
from runs.catalogue.costs import count, standard_shape, stems
from runs.catalogue.genotype_text import format_text
from runs.errors import NastuiError, UsageError
from runs.formatting import millions
from runs.genotypes.costs import COUNTER, Costs
from runs.home import Home, short_id
from runs.store import find_genotype
from runs.store.find_genotype import Found
from runs.store.run_store import RunStore
from screens.formatting import clean
from screens.models.genotypes import FOUND, PUBLISHED, Detail, Entry, Listing


def listing(store: RunStore) -> Listing:
    """Return the published genotypes, then those that finished searches found, newest first.

    Raises:
        NastuiError: the store cannot be read.
    """
    entries = [
        _entry(cell.name, PUBLISHED, cell.name, cell.title, cell.method, cell.space) for cell in library.published()
    ]
    for record, genotype in find_genotype.of_runs(store):
        method, data = str(record.head["method"]), str(record.head["dataset"])
        name = record.labels.name or f"{short_id(record.id)} {method}"
        entries.append(_entry(record.id, FOUND, name, f"{method}, {data}", method, genotype.space, data))
    return Listing(tuple(entries))


def detail(name: str, store: RunStore) -> Detail:
    """Return everything known about an entry; if it cannot be read, a sentence that says why."""
    try:
        found = find_genotype.find(name, store)
    except NastuiError as error:
        return Detail(name, clean(str(error)))
    published, genotype = found.published, found.genotype
    facts = [("", "")]
    if published:
        facts += [("found by", published.method), ("paper", published.source)]
    else:
        facts += _finder(found, store)
    facts += [("recipe", found.recipe), ("space", genotype.space)]
    facts += _sizes(found)
    facts += _looked_up(found, store.home)
    if not all(cell.is_connected() for cell in genotype.cells.values()):
        facts.append(("note", "no path leads from the input to the output"))
    figures = published.figures if published else ()
    facts += [("printed" if not place else "", figure.in_full()) for place, figure in enumerate(figures)]
    facts.append(("text", format_text(genotype)))
    title = f"{published.name} · {published.title}" if published else f"{short_id(found.name)} · found by a run"
    texts = tuple((label, clean(words)) for label, words in facts if words)
    return Detail(name, clean(title), found, tuple(genotype.cells.items()), texts)


def _entry(name: str, origin: str, shown: str, about: str, method: str, space: str, data: str = "") -> Entry:
    words = [shown, about, name, origin, f"method:{method}", f"space:{space}", f"kind:{origin}", f"data:{data}"]
    text = clean(" ".join(words)).casefold()
    # A filter also matches without hyphens and underscores.
    return Entry(name, origin, clean(shown), clean(about), f"{text} {re.sub('[-_]', '', text)}")


def _finder(found: Found, store: RunStore) -> list[tuple[str, str]]:
    """Return the search that found a genotype."""
    with contextlib.suppress(NastuiError):
        record = store.find(found.name)
        head, best = record.head, record.summary.best_accuracy
        reached = "" if best is None else f", best accuracy {best:.2f} %"
        text = f"{head['method']} on {head['dataset']}, preset {head['preset']}, seed {head['seed']}{reached}"
        return [("found by", text)]
    return []


def _sizes(found: Found) -> list[tuple[str, str]]:
    """Return the costs of the network at the sizes of papers, one pair for each stem."""
    sizes: list[tuple[str, str]] = []
    for stem in stems(found.genotype.space):
        with contextlib.suppress(UsageError):  # the genotype was edited, or does not fit the shape
            published = found.published
            shape = published.shape(stem) if published else standard_shape(found.genotype.space, stem)
            sizes.append((stem, f"{_cost(count(found.genotype, shape))} · {shape}"))
    return [*sizes, ("counted", COUNTER)] if sizes else [("size", "networks of this space are not counted")]


def _cost(costs: Costs) -> str:
    return f"{millions(costs.parameters)} parameters · {millions(costs.macs)} MACs"


def _looked_up(found: Found, home: Home) -> list[tuple[str, str]]:
    """Return the accuracies in the table of the space, if there is one."""
    with contextlib.suppress(NastuiError, OSError):
        table = tables.for_space(home, found.genotype.space)
        known = table.accuracies(found.genotype) if table else {}
        return [
            (f"table {dataset}", ", ".join(f"{split} {value:.2f}" for split, value in splits.items()))
            for dataset, splits in known.items()
        ]
    return []
