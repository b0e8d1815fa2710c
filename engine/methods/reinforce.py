"""REINFORCE: a policy of one distribution an edge follows the score-function gradient (Williams 1992).

A stand-in for learned controllers such as ENAS's on a table (baselines.md, 7.7), as NAS-Bench-201's own baseline.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch.nn import functional

from engine.black_box.encoding import Cell, Codec
from engine.black_box.one_shot import SharedSearch, search
from engine.black_box.rng import Dice
from engine.black_box.search import QuerySearch
from engine.method import Context
from runs.catalogue.methods.reinforce import ReinforceSettings


def build(context: Context) -> QuerySearch | SharedSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    assert isinstance(settings, ReinforceSettings)
    strategy = partial(
        Reinforce,
        learning_rate=settings.arch_learning_rate,
        baseline_momentum=settings.baseline_momentum,
        init_scale=settings.init_scale,
    )
    return search(context, strategy)


class Reinforce:
    """One sampled cell, one step of Adam: see :class:`engine.black_box.optimizer.Strategy`.

    The reward is the accuracy in percent. The baseline is its moving average, freed of the bias to its start, with the
    newest reward in it.

    Args:
        codec: of the space, with as many operations on every edge.
        dice: draws the first logits and the cells.
        learning_rate: of Adam.
        baseline_momentum: how much of the moving average stays at each query.
        init_scale: standard deviation of the first logits.

    Attributes:
        logits: [edges, operations], float64.
    """

    def __init__(
        self, codec: Codec, dice: Dice, *, learning_rate: float, baseline_momentum: float, init_scale: float
    ) -> None:
        self._dice = dice
        self._momentum = baseline_momentum
        noise = torch.randn(len(codec.choices), codec.choices[0], dtype=torch.float64, generator=dice.generator)
        self.logits = init_scale * noise
        self._adam = torch.optim.Adam([self.logits], lr=learning_rate)
        self._average = self._weight = 0.0

    def propose(self) -> Cell:
        """Draw an operation on every edge."""
        drawn = torch.multinomial(self._policy(), 1, generator=self._dice.generator)
        return tuple(drawn.flatten().tolist())

    def learn(self, cell: Cell, accuracy: float) -> None:
        """Make the cell likelier where it was better than the average, less likely where it was worse."""
        self._average = self._momentum * self._average + (1 - self._momentum) * accuracy
        self._weight = self._momentum * self._weight + (1 - self._momentum)
        advantage = accuracy - self._average / self._weight
        taken = functional.one_hot(torch.tensor(cell), self.logits.shape[1])
        # The gradient of -advantage * log(probability of the cell), in closed form.
        self.logits.grad = advantage * (self._policy() - taken)
        self._adam.step()

    def shares(self) -> list[list[float]]:
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
        """Take a policy back."""
        self.logits.copy_(state["logits"])
        self._adam.load_state_dict(state["adam"])
        self._average, self._weight = state["average"], state["weight"]

    def _policy(self) -> torch.Tensor:
        return self.logits.softmax(-1)
