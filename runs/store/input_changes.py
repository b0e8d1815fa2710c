"""What has changed between two records of what a run learns from, in words. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping

from runs.store.inputs import PARTS, ClassFiles, Inputs, TableRecord

_MOST_NAMED = 3


def changes(before: Inputs, now: Inputs, *, asks_table: bool) -> list[str]:
    """Return what differs between two records, as parts of a sentence; empty if nothing does.

    Args:
        before: the record of the start.
        now: as it is now.
        asks_table: whether the run learns from the table; otherwise it is not compared.
    """
    found = _folder_changes(before, now)
    for name in sorted(before.files.keys() | now.files.keys()):
        if before.files.get(name) != now.files.get(name):
            found.append(f"the file '{name}' is another one")
    if asks_table and before.table != now.table and before.table is not None:
        found.append(table_change(before.table, now.table))
    return found


def table_change(before: TableRecord, now: TableRecord | None) -> str:
    """Return how a table differs from the one of the start, as a part of a sentence."""
    if now is None:
        return f"the benchmark table '{before.name}' is gone"
    if now.name != before.name:
        return f"the benchmark table is now '{now.name}' and was '{before.name}'"
    return (
        f"the benchmark table '{now.name}' has other values, now from '{now.source}' and before from '{before.source}'"
    )


def _folder_changes(first: Inputs, second: Inputs) -> list[str]:
    before, now = first.parts, second.parts
    if first.listed != second.listed:
        return [
            f"'{part}' has {second.images[part]:,} images and had {first.images[part]:,}, or their files are larger"
            for part in PARTS
        ]
    found: list[str] = []
    added: list[tuple[str, str]] = []
    removed: list[tuple[str, str]] = []
    replaced: list[str] = []
    marks: dict[tuple[str, str, bool], str] = {}
    for part in sorted(before.keys() & now.keys(), reverse=True):
        old, new = before[part].classes, now[part].classes
        if old == new:
            continue
        if before[part].folder != now[part].folder:
            found.append(f"the images of '{part}' are those of '{now[part].folder}', not of '{before[part].folder}'")
        renamed = _renamed(old, new)
        found += [f"the class '{was}' of '{part}' is now called '{name}'" for name, was in renamed.items()]
        gone = sorted(old.keys() - new.keys() - set(renamed.values()))
        found += [f"'{part}' no longer has the class '{name}' ({old[name].images:,} images)" for name in gone]
        extra = sorted(new.keys() - old.keys() - renamed.keys())
        found += [f"'{part}' also has the class '{name}' ({new[name].images:,} images)" for name in extra]
        for name in sorted((old.keys() & new.keys()) - renamed.keys()):
            was, is_ = old[name], new[name]
            if was.digest == is_.digest:
                continue
            if not first.listed:
                found.append(_counted(f"{part}/{name}", was.images, is_.images))
                continue
            added += [(part, f"{name}/{file}") for file in is_.files.keys() - was.files.keys()]
            removed += [(part, f"{name}/{file}") for file in was.files.keys() - is_.files.keys()]
            both = was.files.keys() & is_.files.keys()
            replaced += [f"{part}/{name}/{file}" for file in both if was.files[file] != is_.files[file]]
            marks |= {(part, f"{name}/{file}", True): mark for file, mark in is_.files.items()}
            marks |= {(part, f"{name}/{file}", False): mark for file, mark in was.files.items()}
    gone_from = {(file, marks[part, file, False]): part for part, file in removed}
    moved = [(part, file) for part, file in added if gone_from.get((file, marks[part, file, True]), part) != part]
    origins = {(gone_from[file, marks[part, file, True]], file) for part, file in moved}
    found += _named("moved to the other part", [f"{part}/{file}" for part, file in moved])
    found += _named("added", [f"{part}/{file}" for part, file in set(added) - set(moved)])
    found += _named("removed", [f"{part}/{file}" for part, file in set(removed) - origins])
    return found + _named("replaced by another of the same name", replaced)


def _renamed(old: Mapping[str, ClassFiles], new: Mapping[str, ClassFiles]) -> dict[str, str]:
    """Return, by the name of a class, which other class had exactly its files before and has not kept them."""
    lost = {files.digest: name for name, files in old.items() if name not in new or new[name].digest != files.digest}
    return {
        name: lost[files.digest]
        for name, files in sorted(new.items())
        if files.images and files.digest in lost and (name not in old or old[name].digest != files.digest)
    }


def _counted(what: str, before: int, now: int) -> str:
    if before == now:
        return f"some of the {now:,} images of '{what}' are other ones"
    return f"'{what}' has {now:,} images and had {before:,}"


def _named(what: str, files: list[str]) -> list[str]:
    """Return how many files have changed in a way, with the names of the first."""
    if not files:
        return []
    shown = ", ".join(sorted(files)[:_MOST_NAMED]) + (", ..." if len(files) > _MOST_NAMED else "")
    return [f"{len(files):,} file{'s' * (len(files) > 1)} {what} ({shown})"]
