"""The formats of the public repositories that can be imported, by the names that users type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runs import catalogue
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
        cells: under which method the library has its cells.
        method: the method whose recipes train its networks.
    """

    name: str
    repository: str
    log: type[LogParser]
    cells: str
    method: str

    @property
    def recipes(self) -> Mapping[str, str]:
        """By space, the preset that trains networks as the repository does."""
        return catalogue.methods()[self.method].recipes


FORMATS = {
    entry.name: entry
    for entry in (
        Format("darts", "quark0/darts", DartsLog, "DARTS", "darts"),
        Format("pcdarts", "yuhuixu1993/PC-DARTS", PcDartsLog, "PC-DARTS", "pcdarts"),
        Format("pdarts", "chenxin061/pdarts", PDartsLog, "P-DARTS", "pdarts"),
        Format("drnas", "xiangning-chen/DrNAS", DrNasLog, "DrNAS", "drnas"),
        Format("tenas", "VITA-Group/TENAS", TeNasLog, "TE-NAS", "tenas"),
        Format("ista", "iboing/ISTA-NAS", IstaLog, "ISTA-NAS", "ista"),
        Format("prdarts", "cogsys-tuebingen/prdarts", PrDartsLog, "PR-DARTS", "prdarts"),
        Format("nasbench201", "D-X-Y/AutoDL-Projects", NasBench201Log, "NAS-Bench-201", "darts"),
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
