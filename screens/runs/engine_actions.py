"""Pausing, resuming and stopping the chosen runs."""

from __future__ import annotations

from runs.fleet.queueing import to_start
from screens.actions.screen_actions import ScreenActions
from screens.engine_controls import EngineControls, can_resume, can_stop
from screens.runs.run_list import RunList
from screens.sweep_controls import SweepControls


class EngineActions(ScreenActions):
    """What the engines of the chosen runs do.

    Args:
        runs: the list.
        engines: asks the engines.
        sweeps: resumes sweeps.
    """

    def __init__(self, runs: RunList, engines: EngineControls, sweeps: SweepControls) -> None:
        self._runs, self._engines, self._sweeps = runs, engines, sweeps

    def has_effect(self, action: str) -> bool:
        """Return whether one of the chosen runs can be paused, resumed or stopped."""
        chosen, waits = self._runs.chosen, self._runs.waits
        match action:
            case "pause":
                return any(record.status.live for record in chosen)
            case "resume" if self._runs.chosen_sweep is not None:
                return bool(to_start(chosen, waits.document))
            case "resume":
                return any(map(can_resume, chosen))
        return any(can_stop(record, waits.of) for record in chosen)

    def action_pause(self) -> None:
        """Pause the chosen runs; if none is running, resume the paused ones."""
        self._engines.pause(self._runs.chosen)

    def action_resume(self) -> None:
        """Resume the chosen runs that have no engine. Those of a folded sweep go into the queue, not all at once."""
        if (sweep := self._runs.chosen_sweep) is not None:
            self._sweeps.resume(sweep.id)
        else:
            self._engines.resume(self._runs.chosen)

    async def action_stop(self) -> None:
        """Stop the chosen runs with a checkpoint, after asking; those that wait leave the queue."""
        await self._engines.stop(self._runs.chosen, self._runs.waits.of)
