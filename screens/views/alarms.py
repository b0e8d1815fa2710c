"""What needs attention in a search before it costs more time: a collapse, a gap of accuracies, alerts, warnings."""

from __future__ import annotations

import math

from runs.log import indicators
from runs.log.events import IMPORT_REMARK
from runs.log.history import History
from screens.formatting import clean
from screens.models.selection import RunSelection
from screens.views.epochs import selected_epoch

# Percentage points between the accuracies of the supernet and of the derived cell. Beyond this gap, the accuracy of the
# supernet says little about the cell.
_WIDE_GAP = 20.0


def alarms(history: History, selection: RunSelection) -> tuple[str, ...]:
    """Return sentences about the selected epoch, the most urgent first."""
    event = selected_epoch(history, selection).event
    found: list[str] = []
    if event is not None:
        if indicators.collapsed(event):
            found.append("the search has collapsed into skip connections")
        search, derived = (event.metrics.get(f"{name}_accuracy", math.nan) for name in ("search", "derived"))
        if search - derived > _WIDE_GAP:
            found.append(f"the derived cell is {search - derived:.0f} points below the supernet")
        alerts = event.extras.get("alerts")
        found += [str(alert) for alert in alerts] if isinstance(alerts, list) else []
    epoch = None if selection.epoch is None or event is None else event.epoch
    if epoch is None:
        urgent = [warned.message for _, warned in history.warnings if warned.kind != IMPORT_REMARK]
        found += urgent[-1:]
    return tuple(dict.fromkeys(map(clean, found)))
