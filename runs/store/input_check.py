"""Whether a run may go on with the data that it finds: those that it began with, or others that were accepted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from runs import catalogue
from runs.catalogue.image_files import image_files
from runs.configuration import RunConfig
from runs.errors import ChangedDataError, EnvironmentLacksError
from runs.files import read_regular, replace_text
from runs.home import Home, RunPaths, short_id
from runs.store.input_changes import changes, table_change
from runs.store.inputs import PARTS, Inputs, examine, read


@dataclass(frozen=True)
class Verified:
    """The inputs of a run that may go on.

    Attributes:
        before: the record of the run; None if there is none that can be read.
        now: as they are now.
        changed: what has changed and was accepted, as parts of a sentence.
        accepted: whether other data than those of the start are accepted.
    """

    before: Inputs | None
    now: Inputs
    changed: list[str]
    accepted: bool = False

    @property
    def other_table(self) -> str:
        """How the table of the run's space differs from the one of the start, as a part of a sentence; or empty."""
        before = None if self.before is None else self.before.table
        now = self.now.table
        return "" if before is None or now is None or before == now else table_change(before, now)

    def accept(self, paths: RunPaths) -> None:
        """Leave a note for the next engine of a run: it may go on with these data, and with no others.

        Raises:
            EnvironmentLacksError: the note cannot be written.
        """
        try:
            replace_text(paths.accepted, self.now.fingerprint + "\n")
        except OSError as error:
            raise EnvironmentLacksError(f"'{paths.accepted}' cannot be written: {error.strerror}.") from error


def verify(paths: RunPaths, config: RunConfig, home: Home, *, accept_changed: bool = False) -> Verified:
    """Check that a run goes on with the data that it began with.

    A run without a checkpoint has learned nothing yet and may begin with any data.

    Args:
        paths: of the run.
        config: of the run.
        home: of the run.
        accept_changed: go on with other data, if the classes are as many; otherwise only if :meth:`Verified.accept`
            has left a note about them.

    Raises:
        ChangedDataError: the data have changed, and that is not accepted.
        EnvironmentLacksError: it is not possible.
        NastuiError: the data set cannot be used.
    """
    before, changed = None, list[str]()
    try:
        before = read(paths.inputs)
    except ValueError as error:
        changed = [f"the record '{paths.inputs}' cannot be read: {error}"]
    now = examine(config, home, before)
    if not os.path.lexists(paths.checkpoint):
        return Verified(None, now, [])
    if before is not None:
        changed = changes(before, now, asks_table=config.asks_table())
        if changed and len(before.classes) != len(now.classes):
            raise EnvironmentLacksError(
                f"{_sentence(config, changed)} Its checkpoint is of {len(before.classes)} classes, so it cannot go on "
                f"with {len(now.classes)}.",
                "Restore the data, or start a new run.",
            )
    accepted = accept_changed or _note(paths) == now.fingerprint
    if changed and not accepted:
        raise ChangedDataError(
            _sentence(config, changed),
            "Restore the data, or go on with the changed ones: "
            f"nastui runs resume {short_id(config.id)} --accept-changed-data",
        )
    if changed:
        _check_usable(config, home)
    return Verified(before, now, changed, accepted)


def _check_usable(config: RunConfig, home: Home) -> None:
    """Check that changed data can be opened at all.

    Raises:
        EnvironmentLacksError: they cannot.
    """
    if not config.asks_table() and (folder := catalogue.dataset(config.dataset).images(home.datasets)) is not None:
        for part in PARTS:
            image_files(folder, part)


def _note(paths: RunPaths) -> str:
    try:
        return read_regular(paths.accepted, 1024).decode(errors="replace").strip()
    except OSError:
        return ""


def _sentence(config: RunConfig, changed: Iterable[str]) -> str:
    return f"The data of run '{config.id}' have changed since it started: {'; '.join(changed)}."
