"""The formats of the public repositories that can be imported, by the names that users type."""

from __future__ import annotations

from dataclasses import dataclass

from runs.errors import UsageError, closest
from runs.imports.formats.darts import DartsLog, PcDartsLog
from runs.imports.formats.drnas import DrNasLog
from runs.imports.formats.ista import IstaLog
from runs.imports.formats.nasbench201 import NasBench201Log
from runs.imports.formats.parser import LogParser
from runs.imports.formats.pdarts import PDartsLog
from runs.imports.formats.prdarts import PrDartsLog
from runs.imports.formats.tenas import TeNasLog


@dataclass(frozen=True)
class Format:
    """A public repository.

    Attributes:
        name: what users type after ``--as``.
        repository: its name on GitHub.
        log: parses its logs.
    """

    name: str
    repository: str
    log: type[LogParser]


FORMATS = {
    entry.name: entry
    for entry in (
        Format("darts", "quark0/darts", DartsLog),
        Format("pcdarts", "yuhuixu1993/PC-DARTS", PcDartsLog),
        Format("pdarts", "chenxin061/pdarts", PDartsLog),
        Format("drnas", "xiangning-chen/DrNAS", DrNasLog),
        Format("tenas", "VITA-Group/TENAS", TeNasLog),
        Format("ista", "iboing/ISTA-NAS", IstaLog),
        Format("prdarts", "cogsys-tuebingen/prdarts", PrDartsLog),
        Format("nasbench201", "D-X-Y/AutoDL-Projects", NasBench201Log),
    )
}


def format_named(name: str) -> Format:
    """Return a format.

    Raises:
        UsageError: unknown name; the closest match is suggested.
    """
    if name not in FORMATS:
        raise UsageError(f"Unknown format '{name[:80]}'.", closest(name, FORMATS))
    return FORMATS[name]
