"""What there is of Slurm on this machine, and whether its cluster has the partition that a profile asks for."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass

from runs.errors import NastuiError, UsageError, closest
from runs.slurm import commands
from runs.slurm.profile import Profile

COMMANDS = ("sbatch", "squeue", "scancel", "scontrol")
# Options and variables by which sbatch gets its partition from elsewhere, or submits to another cluster.
_OPTION = re.compile(r"(-p|-M)\b.*|--(partition|clusters?)\b.*")
_VARIABLES = ("SBATCH_PARTITION", "SBATCH_CLUSTERS", "SLURM_CLUSTERS")
_MOST_LISTED = 8


@dataclass(frozen=True)
class Cluster:
    """The cluster to which this machine submits.

    Attributes:
        missing: which of :data:`COMMANDS` are not here.
        version: of Slurm, as it names itself; empty if it is not here.
        partitions: the names of its partitions; empty if it could not be asked.
        default: the partition of jobs that name none; empty if there is none.
        fault: why it could not be asked; empty if it answered.
    """

    missing: tuple[str, ...] = ()
    version: str = ""
    partitions: tuple[str, ...] = ()
    default: str = ""
    fault: str = ""


def look() -> Cluster:
    """Return what there is of Slurm here. It asks the controller, which may take seconds to answer."""
    missing = tuple(name for name in COMMANDS if shutil.which(name) is None)
    if "sbatch" in missing:
        return Cluster(missing)
    version = ""
    try:
        version = commands.version()
        partitions = commands.partitions()
    except NastuiError as error:
        return Cluster(missing, version, fault=error.message)
    default = next((name for name, is_default in partitions.items() if is_default), "")
    return Cluster(missing, version, tuple(partitions), default)


def check_partition(profile: Profile, cluster: Cluster) -> None:
    """Check that a cluster has the partition of a profile, or a default one; if it cannot be known, nothing is wrong.

    Raises:
        UsageError: it does not, so that Slurm would refuse the job.
    """
    if not cluster.partitions or _is_named_elsewhere(profile):
        return
    listed = ", ".join(cluster.partitions[:_MOST_LISTED]) + (", …" if len(cluster.partitions) > _MOST_LISTED else "")
    if not profile.partition and not cluster.default:
        raise UsageError(
            f"[slurm.{profile.name}] names no partition, and the cluster has no default.", f"Choose one: {listed}."
        )
    for name in filter(None, profile.partition.split(",")):
        if name not in cluster.partitions:
            raise UsageError(
                f"[slurm.{profile.name}] names the partition '{name[:80]}', which the cluster does not have.",
                closest(name, cluster.partitions),
            )


def _is_named_elsewhere(profile: Profile) -> bool:
    return any(_OPTION.fullmatch(option) for option in profile.extra) or any(name in os.environ for name in _VARIABLES)
