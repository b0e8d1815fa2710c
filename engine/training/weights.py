"""Weights from a file into a network: safetensors, or a torch file that is opened without running anything in it."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from runs.errors import UsageError

# How public repositories nest and prefix what they save.
_NESTS = ("state_dict", "model", "network", "weights")
_PREFIXES = ("module.", "_orig_mod.")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name.

    Raises:
        UsageError: it cannot be read, is damaged, holds no weights, or holds objects that only running code could make.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UsageError(f"The weights '{path}' cannot be read: {error.strerror or error}.") from error
    except pickle.UnpicklingError as error:
        raise UsageError(
            f"'{path}' holds more than weights, or is damaged; it was not opened.",
            "A file that runs code when it is opened is never trusted: save the state_dict alone, or as safetensors.",
        ) from error
    except (RuntimeError, EOFError, ValueError, safetensors.SafetensorError) as error:
        raise UsageError(f"The weights '{path}' are damaged ({type(error).__name__}).") from error
    while isinstance(content, dict) and (inner := next((content[key] for key in _NESTS if key in content), None)):
        content = inner
    if not isinstance(content, dict) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise UsageError(f"'{path}' holds no weights.", "A state_dict is wanted: tensors by name.")
    return {str(name): tensor for name, tensor in content.items()}


def load_matching(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a network.

    Raises:
        UsageError: a name is missing or unknown, or a shape differs; the message names the first and what it means.
    """
    given = {_plain(name): tensor for name, tensor in tensors.items()}
    wanted = network.state_dict()
    for name, tensor in wanted.items():
        if name in given and given[name].shape != tensor.shape:
            found, needed = tuple(given[name].shape), tuple(tensor.shape)
            if name.endswith(("classifier.weight", "classifier.bias")) and found[1:] == needed[1:]:
                raise UsageError(
                    f"{source} is of a network with {found[0]} classes; this data set has {needed[0]}.",
                    "Name the data set that it was trained on with --dataset.",
                )
            raise UsageError(
                f"'{name}' in {source} has the shape {found}, but this network's has {needed}.",
                "Set channels, layers, stem and norms as they were in its training.",
            )
    # Auxiliary heads come and go between training and use; counters of batches are no weights.
    spared = ("num_batches_tracked",)
    missing = [n for n in wanted if n not in given and not n.endswith(spared) and not n.startswith("auxiliary")]
    extra = [name for name in given if name not in wanted and not name.startswith("auxiliary")]
    if missing or extra:
        fault = f"lacks '{missing[0]}'" if missing else f"has '{extra[0]}', which this network has not"
        raise UsageError(
            f"{source} {fault}: it is of another network.", "Check the genotype, layers, norms and auxiliary."
        )
    # Into the network's own dictionary: it carries the versions of its layers, without which torch adds old keys.
    wanted.update({name: tensor for name, tensor in given.items() if name in wanted})
    network.load_state_dict(wanted)


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name
