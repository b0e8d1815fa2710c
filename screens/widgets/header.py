"""The header of a run: what it is, how far it has got, what happened, and what needs attention."""

from __future__ import annotations

import textwrap

from rich.style import Style
from rich.text import Text

from runs.store.status import Status
from screens import palette
from screens.formatting import fit, status_label
from screens.models.run import HeaderView
from screens.palette import Palette
from screens.widgets.lines import Lines

_DIM, _BOLD = Style(dim=True), Style(bold=True)
_COLOURS = {
    Status.RUNNING: "sky",
    Status.STALLED: "vermillion",
    Status.PAUSED: "orange",
    Status.STOPPING: "orange",
    Status.FAILED: "vermillion",
    Status.LOST: "vermillion",
}
_MOST_ROWS = 3


def lines(view: HeaderView, width: int, colours: Palette) -> list[Text]:
    """Return two lines, up to three more of a message, and one of alarms."""
    drawn = [_name(view, width, colours), _progress(view, width, colours), *_message(view, width, colours)]
    if view.alarms:
        more = f" · and {len(view.alarms) - 1} more" if len(view.alarms) > 1 else ""
        text = fit(view.alarms[0], max(1, width - 4 - len(more))).rstrip()
        drawn.append(Text(f" ▲ {text}{more}", colours.style("orange")))
    return drawn


class Header(Lines[HeaderView]):
    """The first lines of the Run screen; its height follows its content."""

    DEFAULT_CSS = """
    Header { height: 2; overflow: hidden; scrollbar-gutter: auto; }
    """

    _alarmed = False

    @property
    def more(self) -> int:
        """The number of lines beyond the two that are always there."""
        return max(0, len(self._lines) - 2)

    def build(self, view: HeaderView, width: int) -> list[Text]:
        """Draw the header and set its height. The row for alarms stays once it was needed, so that nothing jumps."""
        drawn = lines(view, width, palette.of(self.app))
        self._alarmed = self._alarmed or bool(view.alarms)
        if self._alarmed and not view.alarms:
            drawn.append(Text())
        if len(drawn) != self.size.height:
            self.styles.height = len(drawn)
        return drawn


def _name(view: HeaderView, width: int, colours: Palette) -> Text:
    right = Text().append(f"{view.id}  ", _DIM)
    if view.status is None:
        right.append("▲ gone", colours.style("vermillion", bold=True))
    else:
        right.append(status_label(view.status), _status_style(view.status, colours))
    right.append(f"  {view.device} ", _DIM)
    line = Text(" ")
    line.append(fit(view.title, max(0, width - right.cell_len - 2)), _BOLD)
    return line.append(" ").append_text(right)


def _status_style(status: Status, colours: Palette) -> Style:
    return colours.style(_COLOURS[status], bold=True) if status in _COLOURS else _BOLD


def _progress(view: HeaderView, width: int, colours: Palette) -> Text:
    facts = "  ".join(view.facts)
    line = Text(f" {view.epoch} ")
    room = width - line.cell_len - len(facts) - 3
    if room >= 4:
        done = round(room * view.share)
        line.append(colours.glyphs.full * done, colours.style("sky"))
        line.append(colours.glyphs.empty * (room - done), _DIM)
    return line.append(f"  {facts} ")


def _message(view: HeaderView, width: int, colours: Palette) -> list[Text]:
    if not view.message:
        return []
    wrong = view.status in (None, Status.STALLED, Status.FAILED, Status.LOST)
    style = colours.style("vermillion", bold=True) if wrong else _DIM
    wrapped = textwrap.wrap(view.message, max(10, width - 2), max_lines=_MOST_ROWS, placeholder=" …")
    return [Text(f" {line}", style) for line in wrapped]
