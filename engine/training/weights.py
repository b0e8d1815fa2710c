"""Reads weights from a file, safetensors or torch's, without running code in it, and loads them into a network."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from runs.errors import UsageError

# Keys under which public repositories nest the weights they save, and prefixes of their names.
_NESTS = ("state_dict", "model", "network", "weights")
_PREFIXES = ("module.", "_orig_mod.")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name.

    Raises:
        UsageError: it cannot be read, is damaged, holds no weights, or holds objects that only code could create.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UsageError(f"The weights '{path}' cannot be read: {error.strerror or error}.") from error
    except pickle.UnpicklingError as error:
        raise UsageError(
            f"'{path}' holds more than weights, or is damaged. It was not opened.",
            "A file that would run code is never opened: save only the state_dict, or use safetensors.",
        ) from error
    except (RuntimeError, EOFError, ValueError, safetensors.SafetensorError) as error:
        raise UsageError(f"The weights '{path}' are damaged ({type(error).__name__}).") from error
    while isinstance(content, dict) and (inner := next((content[key] for key in _NESTS if key in content), None)):
        content = inner
    if not isinstance(content, dict) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise UsageError(f"'{path}' holds no weights.", "It must hold a state_dict: tensors by name.")
    return {str(name): tensor for name, tensor in content.items()}


def load_matching(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Load weights into a network.

    Args:
        network: gets the weights.
        tensors: by name, perhaps with prefixes of public code.
        source: named in errors.

    Raises:
        UsageError: a name is missing or unknown, or a shape differs; the message names the first.
    """
    given = {_plain(name): tensor for name, tensor in tensors.items()}
    own = network.state_dict()
    for name, tensor in own.items():
        if name in given and given[name].shape != tensor.shape:
            found, needed = tuple(given[name].shape), tuple(tensor.shape)
            if name.endswith(("classifier.weight", "classifier.bias")) and found[1:] == needed[1:]:
                raise UsageError(
                    f"{source} belongs to a network with {found[0]} classes; this data set has {needed[0]}.",
                    "Name the data set that it was trained on with --dataset.",
                )
            raise UsageError(
                f"'{name}' in {source} has the shape {found}, but this network's has {needed}.",
                "Set channels, layers, stem and norms as in its training.",
            )
    # Auxiliary heads are used only in training; batch counters are not weights.
    counter = "num_batches_tracked"
    missing = [n for n in own if n not in given and not n.endswith(counter) and not n.startswith("auxiliary")]
    extra = [name for name in given if name not in own and not name.startswith("auxiliary")]
    if missing or extra:
        fault = f"lacks '{missing[0]}'" if missing else f"has '{extra[0]}', which this network does not have"
        raise UsageError(
            f"{source} {fault}: it belongs to another network.", "Check the genotype, layers, norms and auxiliary."
        )
    # The network's own dictionary holds the versions of its layers, without which torch adds old keys.
    own.update({name: tensor for name, tensor in given.items() if name in own})
    network.load_state_dict(own)


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name
