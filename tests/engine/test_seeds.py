"""Seeds are digests of names, so they are the same on every machine and in every version."""

from __future__ import annotations

import hashlib

import torch

from engine.core.runtime import Runtime
from engine.core.seeds import named_generator, seed_of


def test_a_seed_is_the_digest_of_its_name() -> None:
    digest = hashlib.sha256(b"3/batches").digest()
    expected = int.from_bytes(digest[:8], "little") // 2
    assert seed_of(3, "batches") == seed_of("3/batches") == expected == 5317577839726917119


def test_generators_of_a_run_are_those_of_their_names() -> None:
    runtime = Runtime(device="cpu", seed=3, threads=1, precision="float32", channels_last=True)
    drawn = runtime.generator("batches").get_state()
    assert torch.equal(drawn, named_generator(3, "batches").get_state())
