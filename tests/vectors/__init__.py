"""Conformance data: what a published method computes, determined independently of this code."""

from __future__ import annotations

import functools
import json
import lzma
from pathlib import Path
from typing import Any


@functools.cache
def load(name: str) -> Any:
    """Return the content of a vector file, such as ``drnas/arch_strings``."""
    return json.loads(lzma.decompress((Path(__file__).parent / f"{name}.json.xz").read_bytes()))
