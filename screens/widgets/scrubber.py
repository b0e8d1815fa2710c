"""The slider through the epochs of a run."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.message import Message

from screens.widgets.lines import Lines


@dataclass(frozen=True)
class Track:
    """The position of the slider.

    Attributes:
        epochs: the number of complete epochs.
        chosen: the selected epoch; None for the newest.
        live: the run is running, so the end moves.
        state: ``held``, ``playing`` or empty.
    """

    epochs: int = 0
    chosen: int | None = None
    live: bool = False
    state: str = ""


class Scrubber(Lines[Track]):
    """One line with the position of the selected epoch. A click selects another."""

    DEFAULT_CSS = """
    Scrubber {
        height: 1; overflow: hidden; scrollbar-gutter: auto;
        .scrubber--knob { color: $accent; text-style: bold; }
    }
    """
    COMPONENT_CLASSES = {"scrubber--knob"}

    @dataclass
    class Moved(Message):
        """An epoch was selected; None is the newest."""

        epoch: int | None

    def build(self, view: Track, width: int) -> list[Text]:
        """Draw the track with its knob, and the position in words."""
        return [line(view, width, self.get_component_rich_style("scrubber--knob", partial=True))]

    def on_click(self, event: events.Click) -> None:
        """Select the epoch under the mouse."""
        if self._view is not None and self._view.epochs:
            share = (event.x - 3) / max(1, _room(self._view, self.size.width) - 1)
            epoch = 1 + round(min(1.0, max(0.0, share)) * (self._view.epochs - 1))
            self.post_message(self.Moved(None if epoch == self._view.epochs else epoch))


def line(view: Track, width: int, knob: object = "bold") -> Text:
    """Return the slider for a width in characters."""
    room = _room(view, width)
    index = _place(view, room)
    drawn = Text().append(" ◂ ", "dim")
    drawn.append("─" * index, "dim")
    drawn.append("●", knob)  # type: ignore[arg-type]
    drawn.append("─" * max(0, room - index - 1), "dim")
    drawn.append(" ▸  ", "dim")
    return drawn.append(_words(view))


def _place(view: Track, room: int) -> int:
    if view.chosen is None or view.epochs < 2:
        return room - 1
    return min(room - 1, round((view.chosen - 1) / (view.epochs - 1) * (room - 1)))


def _room(view: Track, width: int) -> int:
    return max(4, width - len(_words(view)) - 8)


def _words(view: Track) -> str:
    if not view.epochs:
        return "no epoch yet"
    if view.chosen is None:
        return "live" if view.live else f"epoch {view.epochs} (last)"
    return f"epoch {view.chosen}" + (f" · {view.state}" if view.state else "")
