"""The benchmark table that comes with nastui: NAS-Bench-201, what each of its 15,625 cells reaches when trained.

The accuracies are the published results of the benchmark: X. Dong and Y. Yang, "NAS-Bench-201: Extending the Scope of
Reproducible Neural Architecture Search", ICLR 2020 (arXiv:2001.00326), with the 200-epoch results as in NATS-Bench
(arXiv:2009.00437).

The file is compressed by LZMA: a line of JSON, the header of a table (:mod:`runs.benchmarks.table`); then for each
column and each byte of its numbers, lowest first, a plane of one byte per slot. A number is an accuracy in thousandths
of a percent. ``python -m runs.benchmarks.included TABLE FILE`` writes such a file from a table.
"""

from __future__ import annotations

import functools
import hashlib
import lzma
import sys
from array import array
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from runs.benchmarks.table import Header, Table

FILE = Path(__file__).with_name("nasbench201.xz")
SPACE = FILE.stem
_HEADER = TypeAdapter(Header)
_BYTES = 3
_STEPS = 1000  # accuracies have three decimals


@functools.cache
def table() -> Table:
    """Return the table. The first call in a process takes about 50 ms."""
    packed = FILE.read_bytes()
    head, _, planes = lzma.decompress(packed).partition(b"\n")
    header = replace(_HEADER.validate_json(head), sha256=hashlib.sha256(packed).hexdigest())
    slots, width = header.slots, len(header.columns)
    matrix = array("f", bytes(4 * slots * width))
    for column in range(width):
        low, middle, high = (
            planes[(_BYTES * column + byte) * slots : (_BYTES * column + byte + 1) * slots] for byte in range(_BYTES)
        )
        matrix[column::width] = array(
            "f", [(a | b << 8 | c << 16) / _STEPS for a, b, c in zip(low, middle, high, strict=True)]
        )
    if sys.byteorder == "big":
        matrix.byteswap()
    return Table.of(SPACE, header, matrix.tobytes())


def packed(complete: Table, source: str) -> bytes:
    """Return the content of a file for a table of accuracies with a value for each slot.

    Args:
        complete: numbered, not keyed.
        source: where its numbers come from, in words.
    """
    planes = []
    for column in range(len(complete.columns)):
        numbers = [round(value * _STEPS) for value in complete.values(column)]
        planes += [bytes(number >> 8 * byte & 255 for number in numbers) for byte in range(_BYTES)]
    head = _HEADER.dump_json(replace(complete.header, source=source, sha256=""))
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
    return lzma.compress(head + b"\n" + b"".join(planes), filters=filters)


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(packed(Table.open(Path(sys.argv[1])), "NAS-Bench-201 (arXiv:2001.00326)"))
