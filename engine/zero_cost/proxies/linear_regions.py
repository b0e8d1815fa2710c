"""Linear regions: how many on/off patterns of its ReLUs a network shows for sampled inputs.

See docs/methods/tenas.md, "Linear regions" and "Which ReLUs count".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.spaces.layers import Rectified
from engine.zero_cost.proxies.precision import full_float32

# Above this share of the samples, the count says more about the samples than about the network
# (docs/methods/tenas.md, "The region count saturates").
NEAR_SATURATION = 0.95


@dataclass(frozen=True)
class Regions:
    """A count of patterns.

    Attributes:
        regions: the number of distinct patterns, at most the number of samples; 1 for a network without any ReLU.
        samples: the number of inputs.
        bits: the length of a pattern: outputs of all ReLUs that ran, including several that see the same tensor.
        largest: the number of inputs that share the most frequent pattern.
    """

    regions: int
    samples: int
    bits: int
    largest: int

    @property
    def saturated(self) -> bool:
        """Whether nearly every input has its own pattern."""
        return self.regions > NEAR_SATURATION * self.samples


class ActivationPatterns:
    """Records the ReLUs of a network: modules, and the ReLU that a :class:`Rectified` begins with.

    It registers hooks: make one for each network and use it as often as needed
    (docs/methods/tenas.md, "Hooks are registered once").

    Args:
        network: its ReLUs run in the same order for every input.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._seen: list[Tensor] = []
        for part in network.modules():
            if isinstance(part, nn.ReLU):
                part.register_forward_hook(self._after)
            elif isinstance(part, Rectified):
                part.register_forward_pre_hook(self._before)

    def packed(self, inputs: Tensor) -> tuple[np.ndarray, int]:
        """Return the patterns of inputs [N, ...] as uint8 [N, bytes], eight bits to a byte, and the number of bits."""
        self._seen.clear()
        with torch.no_grad(), full_float32():
            self._network(inputs)
        if not self._seen:
            return np.zeros((len(inputs), 0), np.uint8), 0
        bits = torch.cat(self._seen, dim=1)
        self._seen.clear()
        return np.packbits(bits.cpu().numpy(), axis=1), bits.shape[1]

    def count(self, batches: Iterable[Tensor]) -> Regions:
        """Return the count of distinct patterns over all batches; each batch is one forward pass."""
        found: Counter[bytes] = Counter()
        bits = 0
        for batch in batches:
            rows, bits = self.packed(batch)
            found.update(row.tobytes() for row in rows)
        return Regions(len(found), found.total(), bits, max(found.values(), default=0))

    def _after(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        self._seen.append((output > 0).flatten(1))

    def _before(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        # An exact zero counts as off, so the sign of the input is enough.
        self._seen.append((inputs[0] > 0).flatten(1))
