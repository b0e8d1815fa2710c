"""What a method reports about the epoch in progress is shown until the epoch ends."""

from __future__ import annotations

from runs.log.events import Entry, EpochEnded, Event, Interim, Resumed
from runs.log.history import History
from screens.models.selection import RunSelection
from screens.views.extras import extras_panel


def shown(history: History, epoch: int | None = None) -> dict[str, str]:
    return {fact.name: fact.value for fact in extras_panel(history, RunSelection(epoch)).facts}


def test_it_stands_for_the_newest_epoch_until_that_ends() -> None:
    history = History()

    def say(event: Event) -> None:
        history.apply(Entry(0.0, 1, event))

    assert shown(history) == {}
    say(Interim(1, {"draws": 1, "rank_sum": {"cell": [[1, None]]}}))
    assert shown(history) == {"draws": "1"}
    (matrix,) = extras_panel(history, RunSelection()).matrices
    assert matrix.caption == "rank sum cell"
    assert matrix.values[0][0] == 1
    say(EpochEnded(epoch=1, epochs=3, extras={"draws": 8}))
    assert shown(history) == {"draws": "8"}
    say(Interim(2, {"draws": 2}))
    assert shown(history) == {"draws": "2"}
    assert shown(history, 1) == {"draws": "8"}
    say(Resumed(epoch=1))
    assert shown(history) == {"draws": "8"}
