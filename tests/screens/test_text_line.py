"""The line that text is typed into."""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult

from screens.widgets.text_line import TextLine


async def test_keys_that_come_together_act_in_their_order() -> None:
    class Host(App[None]):
        def compose(self) -> ComposeResult:
            yield TextLine("12", select_on_focus=False)

    async with Host().run_test() as pilot:
        for key, character in (("backspace", "\x7f"), ("4", "4"), ("left", None), ("x", "x")):
            pilot.app.post_message(events.Key(key, character))
        await pilot.pause()
        assert pilot.app.query_one(TextLine).value == "1x4"
