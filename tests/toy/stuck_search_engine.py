"""A method that gets stuck inside a unit of work when a file in its folder says so, the engine part."""

import re

from budget_search_engine import BudgetSearch


class StuckSearch(BudgetSearch):
    """A budget search that, while there is a file ``stick``, works for ages inside C code that holds Python's lock."""

    def advance(self):
        if (self.context.folder / "stick").exists():
            re.match("(a|aa)+$", "a" * 200 + "b")
        return super().advance()
