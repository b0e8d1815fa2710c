"""The header of a run."""

from __future__ import annotations

from dataclasses import dataclass

from runs.store.status import Status


@dataclass(frozen=True)
class HeaderView:
    """What a run is and how far it has got.

    Attributes:
        status: None if the run can no longer be read.
        share: the share of the run that is done, 0 to 1.
        facts: short figures beside the bar.
        message: what happened and what to do about it; empty if all is well.
        alarms: what needs attention.
    """

    title: str
    id: str
    status: Status | None
    device: str
    epoch: str
    share: float
    facts: tuple[str, ...]
    message: str
    alarms: tuple[str, ...] = ()
