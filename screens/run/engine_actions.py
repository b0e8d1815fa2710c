"""Pausing, resuming and stopping the engine of a run, and asking it for a checkpoint."""

from __future__ import annotations

from collections.abc import Callable

from runs.store.record import Record
from screens.actions.screen_actions import ScreenActions
from screens.engine_controls import EngineControls, can_resume, can_stop


class EngineActions(ScreenActions):
    """What the engine of the run does.

    Args:
        engines: asks the engine.
        record: returns the run; None before it has been read.
    """

    def __init__(self, engines: EngineControls, record: Callable[[], Record | None]) -> None:
        self._engines, self._record = engines, record

    def has_effect(self, action: str) -> bool:
        """Return whether the run can be paused, resumed or stopped."""
        record = self._record()
        if record is None:
            return False
        match action:
            case "stop":
                return can_stop(record)
            case "resume":
                return can_resume(record)
        return record.status.live

    def action_pause(self) -> None:
        """Pause the engine, or resume it."""
        if (record := self._record()) is not None:
            self._engines.pause([record])

    def action_resume(self) -> None:
        """Resume the run with the paused engine, or with a new one from the checkpoint."""
        if (record := self._record()) is not None:
            self._engines.resume([record])

    async def action_stop(self) -> None:
        """Stop the engine with a checkpoint, after asking."""
        if (record := self._record()) is not None:
            await self._engines.stop([record])

    def action_checkpoint(self) -> None:
        """Write a checkpoint now."""
        if (record := self._record()) is not None:
            self._engines.checkpoint(record)
