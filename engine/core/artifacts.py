"""The files that a run leaves in addition to its events: genotype, weights, and the description of the network."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from runs.files import discard_unfinished, replace_text, replace_with
from runs.genotypes.genotype import Genotype
from runs.home import RunPaths

# The key of the checksum in the metadata of a safetensors file.
CHECKSUM = "nastui_crc32"


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """Return a checksum of tensors on the host: their names, types, shapes and bytes."""
    total = 0
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        total = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), total)
        total = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, total)
    return f"{total:08x}"


class Artifacts:
    """Writes the files of a run, each replaced as a whole.

    Args:
        paths: of the run; None writes nothing, as in a profile and on ranks other than 0.
    """

    def __init__(self, paths: RunPaths | None = None) -> None:
        self._paths = paths
        if paths is not None:
            for file in (paths.genotype, paths.variants, paths.weights, paths.best, paths.network):
                discard_unfinished(file)

    def genotype(self, genotype: Genotype) -> None:
        """Write the genotype that the run ended with."""
        if self._paths is not None:
            replace_text(self._paths.genotype, json.dumps(genotype.to_json(), indent=2) + "\n")

    def variants(self, genotypes: Mapping[str, Genotype]) -> None:
        """Write the genotypes that the run derived beside that one, by name, if there are any."""
        if self._paths is not None and genotypes:
            described = {name: genotype.to_json() for name, genotype in genotypes.items()}
            replace_text(self._paths.variants, json.dumps(described, indent=2) + "\n")

    def weights(self, tensors: Mapping[str, Tensor], *, best: bool = False) -> None:
        """Write the final weights, or those of the best epoch so far."""
        if self._paths is not None and tensors:
            on_host = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
            file = self._paths.best if best else self._paths.weights
            metadata = {CHECKSUM: checksum(on_host)}
            replace_with(file, lambda stream: stream.write(safetensors.torch.save(on_host, metadata)))

    def network(self, description: Mapping[str, Any]) -> None:
        """Write the description from which :mod:`engine.training.model_io` builds the network."""
        if self._paths is not None:
            replace_text(self._paths.network, json.dumps(description, indent=2) + "\n")
