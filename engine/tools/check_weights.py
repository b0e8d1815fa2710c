"""``python -P -m engine.tools.check_weights CONFIGURATION FILE``: whether weights are of the network of a retraining.

CONFIGURATION is the JSON of a :class:`runs.configuration.RunConfig` that need not belong to a run yet.
"""

from __future__ import annotations

from pathlib import Path

from engine.core.plugins import attribute
from engine.core.subprocess_task import run_task
from engine.training.weights import check_matching, read_weights
from runs import catalogue
from runs.configuration import RunConfig
from runs.errors import UsageError
from runs.genotypes.genotype import Genotype


def check_weights(arguments: list[str]) -> None:
    """Check a file of weights.

    Raises:
        UsageError: it cannot be read, is of another network, or has values that are not finite.
    """
    config, file = RunConfig.model_validate_json(arguments[0]), Path(arguments[1])
    entry, dataset = catalogue.space(config.space), catalogue.dataset(config.dataset)
    network = attribute(entry.engine)(entry, config.settings(), dataset.classes).network(
        Genotype.from_json(config.genotype or {})
    )
    settings = ", ".join(entry.network_options.model_fields) if entry.network_options else ""
    hint = f"Name the genotype that it was trained with, and set {settings} as in its training."
    for name, tensor in check_matching(network, read_weights(file), f"'{file}'", hint).items():
        if not tensor.isfinite().all():
            raise UsageError(f"'{name}' in '{file}' has values that are not finite.", "The training has diverged.")


if __name__ == "__main__":
    run_task(check_weights)
