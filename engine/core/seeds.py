"""Seeds of random generators, derived from names: what one generator draws never depends on what another drew."""

from __future__ import annotations

import hashlib

import torch


def seed_of(*name: object) -> int:
    """Return the seed of a generator with this name, in 0..2^63-1.

    The name's parts are joined by ``/``. The seed is the first 8 bytes, little-endian, of the SHA-256 digest of the
    result, without the lowest bit. The first part is usually the seed of the run.
    """
    digest = hashlib.sha256("/".join(map(str, name)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def named_generator(*name: object) -> torch.Generator:
    """Return a new CPU generator with the seed of this name."""
    return torch.Generator().manual_seed(seed_of(*name))
