"""The network of the weights that a public repository has saved: which it is, with its tensors under our names.

Used by :mod:`engine.tools.import_tensors`. See docs/imports.md, "Weights".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.core.artifacts import Artifacts
from engine.spaces.public_weights import PublicSize
from engine.spaces.space import DiscreteNetwork, SearchSpace, counterpart
from engine.training.model_io import describe
from engine.training.weights import COUNTERS, check_matching, load_matching, plain_names
from runs import catalogue
from runs.catalogue.normalisations import statistics
from runs.catalogue.settings import Settings, validate
from runs.errors import NastuiError, UsageError
from runs.genotypes.genotype import Genotype
from runs.home import RunPaths

_NAME_IT = "Name the genotype that it was trained with: --genotype GENOTYPE"
_AVERAGES = ("running_mean", "running_var")
_IMAGES, _SEED = 2, 0
# Sides of images: of the data sets with small ones, and of ImageNet, which are divided by 32.
_SMALL_SIDE, _LARGE_SIDE = 32, 64
_IMAGENET_SIDE = 224


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A genotype that weights may belong to.

    Attributes:
        name: in the library; empty if a user named it.
        genotype: the genotype.
        is_likely: whether it is one of the repository's own.
    """

    name: str
    genotype: Genotype
    is_likely: bool = True


@dataclasses.dataclass(frozen=True)
class Match:
    """A network that weights fit."""

    candidate: Candidate
    size: PublicSize
    space: SearchSpace
    settings: Settings


def convert(
    tensors: Mapping[str, Tensor],
    source: Path,
    candidates: Sequence[Candidate],
    folder: Path,
    *,
    dataset: str,
    recipes: Mapping[str, str],
) -> dict[str, Any]:
    """Write weights under our names with the description of their network, and return what the network is.

    Args:
        tensors: of the file, by name.
        source: the file, for errors.
        candidates: genotypes that may be theirs.
        folder: gets ``weights.safetensors`` and ``network.json``.
        dataset: the name of their data set; empty for the first with as many classes.
        recipes: by space, the preset that trains such networks; it decides how images are normalised.

    Raises:
        UsageError: they are not of a trained network of a known layout, fit no candidate or several, or are damaged.
    """
    given = {name: tensor for name, tensor in plain_names(tensors).items() if not name.endswith(COUNTERS)}
    matches = list(_matches(given, candidates))
    if not matches:
        raise _mismatch(given, source, candidates)
    matches = [match for match in matches if match.candidate.is_likely] or matches
    if len({str(match.candidate.genotype.to_json()) for match in matches}) > 1:
        names = ", ".join(match.candidate.name for match in matches[:8])
        raise UsageError(
            f"'{source}' fits several cells: {names}.", "Name the one it was trained with: --genotype NAME"
        )
    match = matches[0]
    network = match.space.network(match.candidate.genotype)
    own = {own: given[public] for own, public in match.space.public_names(network).items()}
    load_matching(network, own, f"'{source}'")
    recipe = recipes.get(match.candidate.genotype.space, "")
    images = _dataset(dataset, match, recipe)
    parameters = _verify(network, match, source, images)
    mean, std = statistics(_normalisation(recipe, match, images), images, match.space.entry)
    side = images.size or _IMAGENET_SIDE
    artifacts = Artifacts(RunPaths(folder))
    artifacts.weights(network.state_dict())
    classes = tuple(map(str, range(match.size.classes)))
    artifacts.network(describe(match.settings, match.candidate.genotype, classes, side, mean, std))
    return {
        "name": match.candidate.name,
        "genotype": match.candidate.genotype.to_json(),
        "dataset": images.name,
        "settings": match.settings.model_dump(),
        "shape": dataclasses.asdict(match.space.costs(match.candidate.genotype, side)[1]),
        "parameters": parameters,
    }


def _matches(given: Mapping[str, Tensor], candidates: Sequence[Candidate]) -> Iterator[Match]:
    shapes = {name: tuple(tensor.shape) for name, tensor in given.items()}
    counted = sum(
        tensor.numel() for name, tensor in given.items() if not name.endswith(_AVERAGES) and _is_counted(name)
    )
    for candidate in candidates:
        entry = catalogue.space(candidate.genotype.space)
        for size in counterpart(entry).public_sizes(given):
            match = _of_size(candidate, entry, size)
            # The closed form takes no time, and leaves hardly more than one network to be built.
            if match.space.costs(candidate.genotype, _SMALL_SIDE)[0].parameters != counted:
                continue
            with torch.device("meta"):
                network = match.space.network(candidate.genotype)
            state, names = network.state_dict(), match.space.public_names(network)
            if {public: tuple(state[own].shape) for own, public in names.items()} == shapes:
                yield match


def _is_counted(name: str) -> bool:
    return not name.startswith("auxiliary")  # papers count networks without it


def _of_size(candidate: Candidate, entry: catalogue.Space, size: PublicSize) -> Match:
    assert entry.network_options is not None  # otherwise it has no public weights
    settings = validate(entry.network_options, dict(size.settings), "the weights")
    return Match(candidate, size, counterpart(entry)(entry, settings, size.classes), settings)


def _mismatch(given: Mapping[str, Tensor], source: Path, candidates: Sequence[Candidate]) -> UsageError:
    """Return why weights fit no candidate: by name and shape if there is only one."""
    sizes = [
        (candidate, entry, size)
        for candidate in candidates
        for entry in [catalogue.space(candidate.genotype.space)]
        for size in counterpart(entry).public_sizes(given)
    ]
    if not sizes:
        return UsageError(
            f"'{source}' has no architecture parameters, and is not the weights of a trained network.",
            "Of a search network, import the log or the alphas.",
        )
    if len({str(candidate.genotype.to_json()) for candidate, _, _ in sizes}) > 1:
        return UsageError(
            f"'{source}' fits no cell of the library.",
            _NAME_IT,
        )
    candidate, entry, size = sizes[0]
    match = _of_size(candidate, entry, size)
    network = match.space.network(candidate.genotype)
    names = {public: own for own, public in match.space.public_names(network).items()}
    try:
        check_matching(network, {names.get(name, name): tensor for name, tensor in given.items()}, f"'{source}'")
    except UsageError as error:
        return UsageError(error.message, _NAME_IT)
    return UsageError(f"'{source}' does not fit the genotype.")


def _verify(network: DiscreteNetwork, match: Match, source: Path, images: catalogue.Dataset) -> int:
    """Check the number of parameters and that the network computes numbers; return the number.

    Raises:
        UsageError: a weight or an output is not finite.
        NastuiError: the number is not that of the closed form.
    """
    for name, tensor in network.state_dict().items():
        if not tensor.isfinite().all():
            raise UsageError(f"'{name}' in '{source}' has values that are not finite.", "The training has diverged.")
    counted = sum(parameter.numel() for name, parameter in network.named_parameters() if _is_counted(name))
    costs, _ = match.space.costs(match.candidate.genotype, images.size or _SMALL_SIDE)
    if counted != costs.parameters:
        raise NastuiError(f"'{source}' has {counted:,} parameters; such a network has {costs.parameters:,}.")
    large = match.settings.model_dump().get("stem") == "imagenet"
    side = _LARGE_SIDE if large else _SMALL_SIDE
    noise = torch.randn(_IMAGES, 3, side, side, generator=torch.Generator().manual_seed(_SEED))
    with torch.no_grad():
        scores = network.eval()(noise)
    if not scores.isfinite().all():
        raise UsageError(f"The network of '{source}' does not compute finite scores.", "The training has diverged.")
    return counted


def _dataset(name: str, match: Match, recipe: str) -> catalogue.Dataset:
    if name:
        return catalogue.dataset(name)
    usual = catalogue.preset(catalogue.trainer(), match.candidate.genotype.space, recipe).dataset if recipe else ""
    known = sorted(catalogue.datasets().values(), key=lambda entry: entry.name != usual)
    fitting = next((entry for entry in known if entry.classes == match.size.classes), None)
    if fitting is None:
        raise UsageError(f"No known data set has {match.size.classes} classes.", "Name the data set with --dataset.")
    return fitting


def _normalisation(recipe: str, match: Match, images: catalogue.Dataset) -> str:
    if not recipe:
        return "dataset"
    preset = catalogue.recipe(match.candidate.genotype.space, recipe, images.recipes_of)
    return str(preset.values.get("normalisation", "dataset"))
