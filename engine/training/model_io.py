"""Saves and loads a trained network: ``network.json`` describes how to build it, the weights are safetensors.

from engine.training.model_io import rebuild
network = rebuild("path/of/the/run")  # in evaluation mode, with its weights
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.core.plugins import attribute
from engine.spaces.space import DiscreteNetwork
from engine.training.weights import load_matching, read_weights
from runs import catalogue
from runs.catalogue.settings import Settings, validate
from runs.errors import UsageError
from runs.genotypes.genotype import Genotype

FORMAT = 1


def describe(
    settings: Settings, genotype: Genotype, classes: tuple[str, ...], size: int, mean: Any, std: Any
) -> dict[str, Any]:
    """Return everything that :func:`rebuild` needs, and what a user of the network must know about its images.

    Args:
        settings: with all fields of the space's ``network_options``.
        genotype: of the network.
        classes: names, by label.
        size: side of the images in pixels.
        mean, std: used to normalise the images, per channel, of values in 0..1.
    """
    options = catalogue.space(genotype.space).network_options
    assert options is not None
    return {
        "format": FORMAT,
        "genotype": genotype.to_json(),
        "settings": {name: getattr(settings, name) for name in options.model_fields},
        "classes": list(classes),
        "image_size": size,
        "mean": list(mean),
        "std": list(std),
    }


def rebuild(folder: str | Path, *, best: bool = False) -> DiscreteNetwork:
    """Return the network of a run's folder, or of an exported one, in evaluation mode and with its weights.

    Args:
        folder: holds ``network.json`` and ``weights.safetensors``.
        best: read ``best.safetensors``, the weights of the epoch with the best test accuracy.

    Raises:
        UsageError: a file is missing or damaged, or the files do not match; the message names it.
    """
    folder = Path(folder)
    network = blank(read_description(folder / "network.json"))
    file = folder / ("best.safetensors" if best else "weights.safetensors")
    load_matching(network, read_weights(file), f"'{file}'", "The files of the folder are not of one run.")
    return network.eval()


def read_description(path: Path) -> dict[str, Any]:
    """Return the content of a ``network.json``.

    Raises:
        UsageError: it cannot be read, or is not a description.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"'{path}' cannot be read: {error.strerror}.", "Only a retraining leaves a network."
        ) from error
    except ValueError as error:
        raise UsageError(f"'{path}' is not valid JSON: {error}.") from error
    required = ("format", "genotype", "settings", "classes", "image_size", "mean", "std")
    description: dict[str, Any] = content if isinstance(content, dict) else {}
    if missing := [key for key in required if key not in description]:
        raise UsageError(f"'{path}' does not describe a network: it lacks {', '.join(missing)}.")
    if description["format"] > FORMAT:
        raise UsageError(f"'{path}' was written by a newer nastui.", "Update nastui.")
    return description


def blank(description: dict[str, Any]) -> DiscreteNetwork:
    """Return the described network with freshly initialised weights.

    Raises:
        UsageError: a setting or the genotype is wrong.
    """
    genotype = Genotype.from_json(description["genotype"])
    entry = catalogue.space(genotype.space)
    assert entry.network_options is not None
    settings = validate(entry.network_options, description["settings"], "network.json")
    network: DiscreteNetwork = attribute(entry.engine)(entry, settings, len(description["classes"])).network(genotype)
    return network
