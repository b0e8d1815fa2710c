"""The queue as its screen shows it."""

from __future__ import annotations

from dataclasses import dataclass

WORDS = ("id", "run", "seed", "device", "epoch", "when")
"""The columns before the reason."""


@dataclass(frozen=True)
class QueueLine:
    """A line: a run that has a device, a run that waits, or a heading.

    Attributes:
        run: the id of the run; empty for a heading, which the cursor passes over.
        place: what stands first: a place in the queue, or the sign of a status.
        title: the text of a heading.
        words: the cells, as :data:`WORDS`.
        reason: what the run waits for.
        waiting, held: whether it waits, and is held.
    """

    run: str = ""
    place: str = ""
    title: str = ""
    words: tuple[str, ...] = ()
    reason: str = ""
    waiting: bool = False
    held: bool = False


@dataclass(frozen=True)
class QueueView:
    """The devices with their runs, and the runs that wait, in order.

    Attributes:
        lines: all of it, from top to bottom.
        widths: of the columns of :data:`WORDS`, in cells.
        counts: how many run and wait, in words.
    """

    lines: tuple[QueueLine, ...] = ()
    widths: tuple[int, ...] = ()
    counts: tuple[str, ...] = ()
