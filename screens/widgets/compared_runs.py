"""The compared runs: one line each, with the letter that marks the run everywhere."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from screens import palette
from screens.formatting import fit, status_sign
from screens.models.compare import RunLine
from screens.widgets import plot
from screens.widgets.lines import Lines


class ComparedRuns(Lines[tuple[RunLine, ...]]):
    """A line for each run: letter, id, title, status, epoch, value and best value, in columns side by side."""

    def build(self, view: tuple[RunLine, ...], width: int) -> list[Text]:
        """Draw the lines; the titles are cut if there is little room."""
        colours = palette.of(self.app)
        tails = [f"{_status(run)}  {run.epoch:>7}  {run.value:>7}  best {run.best:>7}" for run in view]
        tail = max(map(len, tails), default=0)
        longest = max((cell_len(run.title) for run in view), default=0)
        lines = []
        for run, text in zip(view, tails, strict=True):
            line = Text(no_wrap=True)
            line.append(f" {run.letter} ", plot.run_style(run.index, colours))
            line.append(f"{run.id} ", Style(dim=True))
            room = min(longest, width - line.cell_len - tail - 2)
            line.append(fit(run.title, max(0, room)) + "  " if room > 0 else "")
            lines.append(line.append(f"{text:>{tail}}"))
        return lines


def _status(run: RunLine) -> str:
    return f"{status_sign(run.status)} {run.status}" if run.status is not None else "gone"
