"""The tape that stands for a CUDA graph on a CPU is as unforgiving as one."""

from __future__ import annotations

import pytest
import torch

from tests.engine.tape import TapeRecorder


def test_it_repeats_the_addresses_and_numbers_of_its_recording() -> None:
    images, total, number = torch.ones(2), torch.zeros(2), 1.0

    def step() -> None:
        total.add_(images * number)

    replay = TapeRecorder().capture(step)
    assert total.tolist() == [0, 0]  # nothing was executed
    number = 5.0
    images.fill_(3.0)
    replay()
    assert total.tolist() == [3, 3]
    images = torch.zeros(2)
    replay()
    assert total.tolist() == [6, 6]


def test_it_draws_anew_in_each_replay_and_not_when_recorded() -> None:
    drawn, before = torch.zeros(3), torch.get_rng_state()

    def step() -> None:
        drawn.add_(torch.rand(3))

    replay = TapeRecorder().capture(step)
    assert torch.equal(torch.get_rng_state(), before)
    replay()
    replay()
    torch.set_rng_state(before)
    assert torch.equal(drawn, torch.zeros(3) + torch.rand(3) + torch.rand(3))


def test_it_refuses_a_step_that_reads_a_result() -> None:
    def step() -> None:
        assert torch.ones(2).sum().item() == 2

    with pytest.raises(RuntimeError, match="not permitted"):
        TapeRecorder().capture(step)
