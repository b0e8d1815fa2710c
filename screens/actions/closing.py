"""What happens to screens and widgets that close: they close once, act on nothing that arrives late, and are freed."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from textual import events, messages
from textual.await_complete import AwaitComplete
from textual.dom import DOMNode
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import ModalScreen, ScreenResultType
from textual.widget import Widget

# What a closing widget still needs, in order to close.
_LAST = (messages.Prune, messages.CloseMessages, events.Unmount)


class Punctual(MessagePump):
    """Drops messages that come too late: to a widget that is closing, or from a widget that was replaced.

    Keys, timers, callbacks and the results of threads wait in a queue, and what they refer to may go meanwhile.
    """

    async def _dispatch_message(self, message: Message) -> None:
        if not _late(self, message):
            await super()._dispatch_message(message)


class Question(Punctual, ModalScreen[ScreenResultType]):
    """A screen in front of another one that returns an answer, once."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close this screen with an answer; does nothing if it is not the current screen."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()


def when_theme_changes(node: DOMNode, redraw: Callable[[], object]) -> None:
    """Call a method of a mounted node after each change of the theme or the glyphs, as long as the node exists.

    The signal of the app outlives its subscribers, so it gets a weak reference.
    """
    owner, method = weakref.ref(node), weakref.WeakMethod(redraw)

    def changed(_: Any) -> None:
        subscriber, call = owner(), method()
        if subscriber is not None and call is not None:
            subscriber.call_after_refresh(call)

    node.app.theme_changed_signal.subscribe(node, changed, immediate=True)


def _late(node: MessagePump, message: Message) -> bool:
    if isinstance(message, _LAST):
        return False
    if node._closing:
        return True
    sender = message._sender
    return isinstance(sender, Widget) and sender is not node and (sender._pruning or not sender.is_attached)
