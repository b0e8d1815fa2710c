"""ENAS's controller: a recurrent network that draws one operation after another and learns by REINFORCE."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engine.black_box.encoding import Cell, Codec
from engine.black_box.path_sampling import Score

SHOWN = 200


class Controller(nn.Module):
    """The distribution over cells: the operation of an edge depends on those of the edges before it.

    The logits are c tanh(W h / T), so that no operation is ever ruled out (Pham et al., ICML 2018; for the cell of
    NAS-Bench-201 in its own form, see docs/methods/baselines.md, "ENAS"). The controller lives on the CPU: it is tiny,
    and its draws are needed there.

    Args:
        codec: of a space with the same number of operations on every edge.
        size, layers: of the LSTM.
        tanh_constant: c.
        temperature: T.
        scale: every weight is initialised uniformly between minus and plus this value.
        generator: draws the initial weights.
    """

    def __init__(
        self,
        codec: Codec,
        *,
        size: int,
        layers: int,
        tanh_constant: float,
        temperature: float,
        scale: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self._edges, operations = len(codec.choices), codec.choices[0]
        self._constant, self._temperature = tanh_constant, temperature
        self.start = nn.Parameter(torch.empty(size))
        self.lstm = nn.LSTM(size, size, layers)
        self.embedding = nn.Embedding(operations, size)
        self.head = nn.Linear(size, operations)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -scale, scale, generator=generator)

    def forward(self, count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw cells.

        Args:
            count: n, the number of cells.
            generator: the generator to draw from; torch's global one by default.

        Returns:
            Operations, int64 [n, edges], and the log-probabilities of all operations at each edge given the ones drawn
            before, [n, edges, operations].
        """
        inputs, memory = self.start.expand(1, count, -1), None
        drawn, logarithms = [], []
        for _ in range(self._edges):
            hidden, memory = self.lstm(inputs, memory)
            logits = self._constant * torch.tanh(self.head(hidden[0]) / self._temperature)
            logarithm = logits.log_softmax(-1)
            operation = torch.multinomial(logarithm.detach().exp(), 1, generator=generator)
            drawn.append(operation)
            logarithms.append(logarithm)
            inputs = self.embedding(operation).transpose(0, 1)
        return torch.cat(drawn, 1), torch.stack(logarithms, 1)


class LearntPolicy:
    """Draws cells with a controller and trains it by REINFORCE: see :class:`engine.black_box.path_sampling.Policy`.

    The reward of a cell is its accuracy in 0..1 plus its weighted entropy. The entropy is a constant here: no gradient
    flows through it. The baseline is the moving average of the rewards, including the newest, over the whole search.
    (One public port lets the gradient through, and starts each step from the average of the previous epoch.)

    Args:
        controller: the distribution.
        optimiser: updates the controller's parameters.
        steps: optimiser steps after each epoch.
        samples: cells whose gradients are averaged in one step.
        entropy_weight: reward for each nat of a cell's entropy.
        baseline_momentum: the share of the moving average that is kept at each reward.
        clip: maximum norm of the gradient; 0 disables clipping.
    """

    def __init__(
        self,
        controller: Controller,
        optimiser: torch.optim.Optimizer,
        *,
        steps: int,
        samples: int,
        entropy_weight: float,
        baseline_momentum: float,
        clip: float,
    ) -> None:
        self.controller, self._optimiser = controller, optimiser
        self._steps, self._samples = steps, samples
        self._entropy_weight, self._momentum, self._clip = entropy_weight, baseline_momentum, clip
        self.baseline: float | None = None

    @torch.no_grad()
    def draw(self) -> Cell:
        """Return one cell."""
        drawn, _ = self.controller(1)
        return tuple(drawn[0].tolist())

    @torch.no_grad()
    def shares(self) -> list[list[float]]:
        """Return the mean probabilities of each edge over several draws, always with the same noise."""
        _, logarithms = self.controller(SHOWN, torch.Generator().manual_seed(0))
        shares: list[list[float]] = logarithms.exp().mean(0).tolist()
        return shares

    def learn(self, score: Score) -> dict[str, Any]:
        """Take the controller's steps of an epoch."""
        rewards: list[float] = []
        entropies: list[float] = []
        for _ in range(self._steps):
            drawn, logarithms = self.controller(self._samples)
            entropy = -(logarithms.exp() * logarithms).sum((1, 2)).detach()
            found = [
                score(tuple(cell)) / 100 + self._entropy_weight * own
                for cell, own in zip(drawn.tolist(), entropy.tolist(), strict=True)
            ]
            chosen = logarithms.gather(2, drawn[..., None]).sum((1, 2))
            loss = -(chosen * torch.tensor([self._advantage(reward) for reward in found])).mean()
            self._optimiser.zero_grad()
            loss.backward()
            if self._clip:
                nn.utils.clip_grad_norm_(self.controller.parameters(), self._clip)
            self._optimiser.step()
            rewards += found
            entropies += entropy.tolist()
        mean = sum(rewards) / len(rewards)
        figures = {"reward": mean, "baseline": self.baseline, "entropy": sum(entropies) / len(entropies)}
        return {"controller": figures}

    def state(self) -> dict[str, Any]:
        """Return the state of the controller, its optimiser and the baseline."""
        return {
            "controller": self.controller.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "baseline": self.baseline,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self.controller.load_state_dict(state["controller"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.baseline = state["baseline"]

    def _advantage(self, reward: float) -> float:
        before = reward if self.baseline is None else self.baseline
        self.baseline = self._momentum * before + (1 - self._momentum) * reward
        return reward - self.baseline
