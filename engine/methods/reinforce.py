"""REINFORCE: a policy with one distribution per edge follows the score-function gradient (Williams 1992).

On a table it stands in for learned controllers such as that of ENAS, as in NAS-Bench-201's own baseline: see
docs/methods/baselines.md, "REINFORCE".
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch.nn import functional

from engine.black_box.encoding import Cell, Codec
from engine.black_box.one_shot import OneShotSearch, make_search
from engine.black_box.optimizer import Optimizer
from engine.black_box.rng import Rng
from engine.black_box.search import BlackBoxSearch
from engine.method import Context
from runs.catalogue.methods.reinforce import ReinforceSettings


def build(context: Context[ReinforceSettings]) -> BlackBoxSearch | OneShotSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    optimizer = partial(
        Reinforce,
        learning_rate=settings.arch_learning_rate,
        baseline_momentum=settings.baseline_momentum,
        init_scale=settings.init_scale,
    )
    return make_search(context, optimizer)


class Reinforce(Optimizer):
    """Samples one cell and takes one step of Adam for each query.

    The reward is the accuracy in percent. The baseline is its moving average, corrected for the bias towards its start;
    it includes the newest reward.

    Args:
        codec: of the space, with the same number of operations on every edge.
        rng: draws the initial logits and the cells.
        learning_rate: of Adam.
        baseline_momentum: the share of the moving average that is kept at each query.
        init_scale: standard deviation of the initial logits.

    Attributes:
        logits: [edges, operations], float64.
    """

    def __init__(
        self, codec: Codec, rng: Rng, *, learning_rate: float, baseline_momentum: float, init_scale: float
    ) -> None:
        self._rng = rng
        self._momentum = baseline_momentum
        noise = torch.randn(len(codec.choices), codec.choices[0], dtype=torch.float64, generator=rng.generator)
        self.logits = init_scale * noise
        self._adam = torch.optim.Adam([self.logits], lr=learning_rate)
        self._average = self._weight = 0.0

    def ask(self) -> Cell:
        """Draw an operation on every edge."""
        drawn = torch.multinomial(self._policy(), 1, generator=self._rng.generator)
        return tuple(drawn.flatten().tolist())

    def tell(self, cell: Cell, accuracy: float) -> None:
        """Make the cell more likely if it was better than the baseline, less likely if it was worse."""
        self._average = self._momentum * self._average + (1 - self._momentum) * accuracy
        self._weight = self._momentum * self._weight + (1 - self._momentum)
        advantage = accuracy - self._average / self._weight
        taken = functional.one_hot(torch.tensor(cell), self.logits.shape[1])
        # The gradient of -advantage * log(probability of the cell), in closed form.
        self.logits.grad = advantage * (self._policy() - taken)
        self._adam.step()

    def distribution(self) -> list[list[float]]:
        """Return the policy."""
        return self._policy().tolist()

    def extras(self) -> dict[str, Any]:
        """Return the baseline, in percent."""
        return {"baseline": self._average / self._weight if self._weight else None}

    def state(self) -> dict[str, Any]:
        """Return the policy, its optimiser and the baseline."""
        return {
            "logits": self.logits,
            "adam": self._adam.state_dict(),
            "average": self._average,
            "weight": self._weight,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue with a saved policy."""
        self.logits.copy_(state["logits"])
        self._adam.load_state_dict(state["adam"])
        self._average, self._weight = state["average"], state["weight"]

    def _policy(self) -> torch.Tensor:
        return self.logits.softmax(-1)
