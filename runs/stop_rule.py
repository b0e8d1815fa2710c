"""The rules of ``--stop-when``, by which a run ends early. What they mean: docs/sweeps.md, "Stop early"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from runs.errors import UsageError


class RuleKind(StrEnum):
    """What a rule looks at."""

    COLLAPSE = "collapse"
    PLATEAU = "plateau"
    BELOW_MEDIAN = "below-median"


@dataclass(frozen=True)
class StopRule:
    """A rule.

    Attributes:
        kind: what it looks at.
        epochs: how many epochs without progress are a plateau, or the first epoch that is compared with the median.
    """

    kind: RuleKind
    epochs: int = 0

    def __str__(self) -> str:
        """Return the rule as it is typed."""
        return f"{self.kind}:{self.epochs}" if self.epochs else str(self.kind)


_RULE = re.compile(r"collapse|(plateau|below-median):([1-9][0-9]{0,8})")


def stop_rule(text: str) -> StopRule:
    """Return the rule of a text such as ``plateau:10``.

    Raises:
        UsageError: it is not a rule.
    """
    found = _RULE.fullmatch(text)
    if found is None:
        raise UsageError(
            f"stop_when is '{text[:80]}', but must be collapse, plateau:N or below-median:EPOCH.",
            "For example: --stop-when plateau:10",
        )
    return StopRule(RuleKind(found[1]), int(found[2])) if found[1] else StopRule(RuleKind.COLLAPSE)
