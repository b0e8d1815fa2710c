"""The inputs of a run in its engine: examined before they are opened, and recorded once the run has begun."""

from __future__ import annotations

from collections.abc import Callable

from runs.configuration import RunConfig
from runs.errors import EnvironmentLacksError
from runs.home import Home, RunPaths
from runs.log.events import Event, Warned
from runs.store import input_check


class RunInputs:
    """What a run learns from now, compared with its record.

    Args:
        paths: of the run.
        config: of the run.
        home: of the run.
        leads: whether this process has rank 0; the others leave the comparison to it.

    Attributes:
        are_accepted: whether the run may go on with other data than it began with.

    Raises:
        NastuiError: the data set cannot be used, or has changed and that is not accepted.
    """

    def __init__(self, paths: RunPaths, config: RunConfig, home: Home, *, leads: bool = True) -> None:
        self._paths = paths
        self._found = input_check.verify(paths, config, home) if leads else None
        self.are_accepted = paths.accepted.exists() if self._found is None else self._found.accepted

    def record(self, emit: Callable[[Event], object], *, begun: bool) -> None:
        """Record the inputs of a new run, or changed ones, and tell what users should know. Only rank 0 may call this.

        Args:
            emit: gets warnings.
            begun: whether the run has gone on from a checkpoint.

        Raises:
            EnvironmentLacksError: the record cannot be written.
        """
        found = self._found
        assert found is not None
        if not begun:
            for remark in found.now.remarks:
                emit(Warned("left_out", remark))
        elif found.changed:
            emit(Warned("changed_data", f"Went on with changed data: {'; '.join(found.changed)}."))
        elif found.before is not None and found.other_table:
            emit(Warned("changed_table", f"Later epochs have other results beside them: {found.other_table}."))
        try:
            if not begun or found.changed or found.other_table or found.before is None:
                found.now.write(self._paths.inputs)
            self._paths.accepted.unlink(missing_ok=True)
        except OSError as error:
            raise EnvironmentLacksError(
                f"'{error.filename or self._paths.inputs}' cannot be written: {error.strerror}.",
                "Free some space, then resume.",
            ) from error
