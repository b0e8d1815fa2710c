"""The learning rate of a training in each epoch, in closed form.

See docs/methods/baselines.md, "Training recipes".
"""

from __future__ import annotations

from engine.core import schedules
from runs.catalogue.training import TrainingSettings


def learning_rate(settings: TrainingSettings, epoch: int) -> float:
    """Return the rate during an epoch, counted from 0."""
    full, epochs = settings.learning_rate, settings.epochs
    match settings.schedule:
        case "power":
            power, warm = settings.rate_power, settings.warm_up_epochs
            return schedules.power_cosine(full, settings.learning_rate_end, epoch, epochs, power=power, warm=warm)
        case "cosine":
            nominal = schedules.cosine(full, settings.learning_rate_end, epoch, epochs)
        case "linear":
            nominal = schedules.linear_with_tail(full, epoch, epochs)
        case "exponential":
            nominal = schedules.exponential(full, epoch)
    height = full if settings.warm_up == "base" else nominal
    return schedules.warm_up(height, epoch, settings.warm_up_epochs, nominal)
