"""An estimate in words: the approximate cost of a run, and where the estimate comes from."""

from __future__ import annotations

import datetime

from runs.cost.estimates import Estimate
from runs.formatting import count, gigabytes
from runs.home import short_id


def estimate_text(estimate: Estimate, now: datetime.datetime) -> str:
    """Return ``about 14 min on cuda:0 (measured today) · 6.2 GB · store 3 MB``; ``now`` has a time zone.

    On a CPU it says with how many threads the time was measured, because the next run may get another number.
    """
    source = f"as run {short_id(estimate.run)}" if estimate.run else f"measured {_day(estimate.measured, now)}"
    device = f"{estimate.device}, {count(estimate.threads, 'thread')}" if estimate.threads else estimate.device
    parts = [f"about {roughly(estimate.seconds)} on {device} ({', '.join((source, *estimate.caveats))})"]
    if estimate.memory:
        parts.append(gigabytes(estimate.memory))
    if estimate.stored:
        parts.append(f"store {gigabytes(max(estimate.stored, 1_000_000))}")
    return " · ".join(parts)


def roughly(seconds: float) -> str:
    """Return a duration rounded to about two figures: ``40 s``, ``14 min``, ``3 h 20 min``, ``2 d 4 h``."""
    if seconds < 1:
        return "1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(10 * round(seconds / 600), 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _day(stamp: str, now: datetime.datetime) -> str:
    try:
        then = datetime.datetime.fromisoformat(stamp).astimezone(now.tzinfo)
    except ValueError:
        return "on an unknown day"
    days = (now.date() - then.date()).days
    if days <= 0:
        return "today"
    return "yesterday" if days == 1 else f"on {then:%Y-%m-%d}"
