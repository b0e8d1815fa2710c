"""The header of a run."""

from __future__ import annotations

from dataclasses import dataclass

from runs.store.status import Status


@dataclass(frozen=True)
class HeaderView:
    """Who a run is and how far it is.

    Attributes:
        status: None where the run's folder is gone.
        share: of the whole run, 0 to 1.
        facts: short figures behind the bar.
        message: what happened and what to do about it; empty while all goes well.
        alarms: what a person should look at; the newest last.
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
