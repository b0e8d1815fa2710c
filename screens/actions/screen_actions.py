"""Some actions of a screen, in an object of their own."""

from __future__ import annotations


class ScreenActions:
    """The base of objects whose actions belong to a screen, see :meth:`ActionScreen.add_actions`.

    A method ``action_stop`` is what the keys of ``stop`` call, as if the screen itself had it. A coroutine runs in a
    worker, so it can ask questions.
    """

    def has_effect(self, action: str) -> bool:
        """Return whether an action would do anything now; its key is shown as disabled if not.

        Args:
            action: the name of the method, without ``action_``.
        """
        return True
