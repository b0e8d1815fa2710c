"""Reads weights from a file, safetensors or torch's, without running code in it, and loads them into a network."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from engine.core.artifacts import CHECKSUM, checksum
from runs.errors import UsageError
from runs.files import open_regular

# Keys under which public repositories nest the weights they save, and prefixes of their names.
NESTS = ("state_dict", "model_state_dict", "net_state_dict", "search_model", "model", "network", "net", "weights")
_PREFIXES = ("module.", "_orig_mod.")
# Buffers that count and are no weights: of batch norm, of the profiler thop, and of torch's averaged models.
COUNTERS = ("num_batches_tracked", "total_ops", "total_params", "n_averaged")
_MOST_NAMED = 3


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name.

    Raises:
        UsageError: it cannot be read, is damaged, holds no weights, or holds objects that only code could create.
    """
    return state_of(read_content(path), path)


def read_content(path: Path) -> Any:
    """Return the content of a file: tensors, or what torch knows to be safe, such as lists and dictionaries of them.

    Raises:
        UsageError: it cannot be read, is damaged, or holds objects that only code could create.
    """
    try:
        if path.suffix == ".safetensors":
            open_regular(path).close()
            return _safetensors(path)
        with open_regular(path) as stream:
            return torch.load(stream, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UsageError(f"The weights '{path}' cannot be read: {error.strerror or error}.") from error
    except pickle.UnpicklingError as error:
        raise UsageError(
            f"'{path}' holds more than weights, or is damaged. It was not opened.",
            "A file that would run code is never opened: save only the state_dict, or use safetensors.",
        ) from error
    except (RuntimeError, EOFError, ValueError, safetensors.SafetensorError) as error:
        raise UsageError(f"The weights '{path}' are damaged ({type(error).__name__}).") from error


def state_of(content: Any, path: Path) -> dict[str, Tensor]:
    """Return the tensors by name in the content of a file.

    Raises:
        UsageError: there are none.
    """
    while isinstance(content, dict) and (inner := next((content[key] for key in NESTS if key in content), None)):
        content = inner
    if not isinstance(content, dict) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise UsageError(f"'{path}' holds no weights.", "It must hold a state_dict: tensors by name.")
    return {str(name): tensor for name, tensor in content.items()}


def _safetensors(path: Path) -> dict[str, Tensor]:
    with safetensors.safe_open(path, framework="pt") as file:
        expected = (file.metadata() or {}).get(CHECKSUM)
    tensors = safetensors.torch.load_file(path)
    if expected is not None and checksum(tensors) != expected:
        raise UsageError(
            f"The weights '{path}' are damaged: their content does not match their checksum.",
            "Use another copy of the file.",
        )
    return tensors


def load_matching(network: nn.Module, tensors: Mapping[str, Tensor], source: str, hint: str = "") -> None:
    """Load weights into a network.

    Args:
        network: gets the weights.
        tensors: by name, perhaps with prefixes of public code. Counters and auxiliary heads may be missing or too many.
        source: named in errors.
        hint: says how weights of another network can be used.

    Raises:
        UsageError: they are of another network, see :func:`check_matching`.
    """
    given = check_matching(network, tensors, source, hint)
    # The network's own dictionary holds the versions of its layers, without which torch adds old keys.
    own = network.state_dict()
    own.update({name: tensor for name, tensor in given.items() if name in own})
    network.load_state_dict(own)


def check_matching(network: nn.Module, tensors: Mapping[str, Tensor], source: str, hint: str = "") -> dict[str, Tensor]:
    """Return weights by the names of a network. Arguments are those of :func:`load_matching`.

    Raises:
        UsageError: names are missing or unknown, or shapes differ; the message says which.
    """
    own = network.state_dict()
    given = _plain(tensors, own)
    other = {name: given[name] for name in own if name in given and given[name].shape != own[name].shape}
    missing = [name for name in own if name not in given and not _is_optional(name)]
    extra = [name for name in given if name not in own and not _is_optional(name)]
    if other.keys() <= {name for name in own if name.endswith(("classifier.weight", "classifier.bias"))}:
        for name, tensor in other.items():
            if tensor.shape[1:] == own[name].shape[1:] and not (missing or extra):
                raise UsageError(
                    f"{source} belongs to a network with {len(tensor)} classes; this data set has {len(own[name])}.",
                    "Name the data set that it was trained on with --dataset.",
                )
    shapes = [
        f"'{name}' has the shape {_shape(tensor)} instead of {_shape(own[name])}" for name, tensor in other.items()
    ]
    faults = [
        *([f"lacks {_listed(missing)}"] if missing else []),
        *([f"has {_listed(extra)}, which this network does not have"] if extra else []),
        *shapes[:_MOST_NAMED],
        *([f"and {len(shapes) - _MOST_NAMED} more shapes differ"] if len(shapes) > _MOST_NAMED else []),
    ]
    if faults:
        raise UsageError(f"{source} belongs to another network: it {'; '.join(faults)}.", hint)
    return given


def plain_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by their names without the prefixes of wrappers, such as ``module.``."""
    given = {}
    for name, tensor in tensors.items():
        plain = name
        while plain.startswith(_PREFIXES):
            plain = plain.partition(".")[2]
        given[plain] = tensor
    return given


def _plain(tensors: Mapping[str, Tensor], own: Collection[str]) -> dict[str, Tensor]:
    """Return tensors by the names of a network, without those of wrappers and holders."""
    given = plain_names(tensors)
    # A module that holds the network, as in PyTorch Lightning, puts one more name before all.
    first = {name.partition(".")[0] for name in given if not name.endswith(COUNTERS)}
    if len(first) == 1 and (holder := f"{next(iter(first))}.") and not any(name.startswith(holder) for name in own):
        given = {name.removeprefix(holder): tensor for name, tensor in given.items()}
    return given


def _is_optional(name: str) -> bool:
    """Return whether a tensor is no weight, or of an auxiliary head, which is used only in training."""
    return name.endswith(COUNTERS) or name.startswith("auxiliary")


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    shown = ", ".join(f"'{name}'" for name in names[:_MOST_NAMED])
    return f"{shown} and {more:,} more" if more > 0 else shown


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)
