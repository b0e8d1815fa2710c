"""The queue, and the jobs in Slurm, as their screen shows them."""

from __future__ import annotations

from dataclasses import dataclass

WORDS = ("id", "run", "varied", "device", "epoch", "when")
"""The columns before the reason."""


@dataclass(frozen=True)
class QueueLine:
    """A line: a run that has a device, a run that waits, a run in Slurm, or a heading.

    Attributes:
        run: the id of the run; empty for a heading, which the cursor passes over.
        place: what stands first: a place in the queue, or the sign of a status.
        title: the text of a heading.
        words: the cells, as :data:`WORDS`.
        reason: what the run waits for.
        waiting, held: whether it waits in the queue, and is held.
        job: of a run in Slurm, its job in words.
        brief: what is varied, with shorter keys, for narrow terminals.
    """

    run: str = ""
    place: str = ""
    title: str = ""
    words: tuple[str, ...] = ()
    reason: str = ""
    waiting: bool = False
    held: bool = False
    job: str = ""
    brief: str = ""


@dataclass(frozen=True)
class QueueView:
    """The devices with their runs, the runs that wait, in order, and those that Slurm has.

    Attributes:
        lines: all of it, from top to bottom.
        widths: of the columns of :data:`WORDS`, in cells.
        brief_width: of what is varied, with shorter keys.
        counts: how many run and wait, in words.
    """

    lines: tuple[QueueLine, ...] = ()
    widths: tuple[int, ...] = ()
    brief_width: int = 0
    counts: tuple[str, ...] = ()
