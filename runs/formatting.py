"""Numbers for people: durations and large counts, in the same format in commands and screens."""

from __future__ import annotations

_UNITS = ((60, "s", 1), (3600, "m", 60), (86_400, "h", 3600), (14 * 86_400, "d", 86_400), (730 * 86_400, "w", 604_800))


def duration(seconds: float) -> str:
    """Return a duration in its two largest units up to hours: ``8s``, ``41m 07s``, ``3h 20m``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"


def brief_duration(seconds: float) -> str:
    """Return a duration in its largest unit, rounded down: ``8s``, ``41m``, ``3h``, ``5d``, ``7w``, ``2y``."""
    seconds = max(0.0, seconds)
    for limit, unit, size in _UNITS:
        if seconds < limit:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds // (365 * 86_400))}y"


def millions(number: int) -> str:
    """Return a number in millions: ``0.316 M``."""
    return f"{number / 1e6:.3g} M"


def count(number: int, thing: str) -> str:
    """Return ``1 run``, ``14 runs``, ``10,000 runs``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def gigabytes(size: int) -> str:
    """Return bytes as ``6.1 GB``, or ``410 MB`` below 1 GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
