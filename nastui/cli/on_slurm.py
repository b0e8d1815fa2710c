"""What the command line says about Slurm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runs.errors import UsageError

if TYPE_CHECKING:
    from runs.home import Home
    from runs.slurm.profile import Target


@dataclass(frozen=True)
class SlurmOptions:
    """What the command line says about Slurm.

    Attributes:
        profile: the name of a profile; empty for the default, None without Slurm.
        nodes: over how many machines each run is spread.
        dry_run: whether only to print the script.
    """

    profile: str | None = None
    nodes: int | None = None
    dry_run: bool = False

    def target(self, home: Home, *, queued: bool, per_device: int | None) -> Target | None:
        """Return where in Slurm the runs are to work; None without Slurm.

        Args:
            home: whose ``config.toml`` counts.
            queued: whether ``--queue`` was typed.
            per_device: the number of ``--per-device``, if that was typed.

        Raises:
            NastuiError: there is no such profile, it is invalid, an option does not go with the others, or jobs cannot
                be submitted from this machine.
        """
        if self.profile is None:
            for option, given in (("--nodes", self.nodes is not None), ("--dry-run", self.dry_run)):
                if given:
                    raise UsageError(f"{option} needs --slurm.", "Add it, or leave both out.")
            return None
        for option, given in (("--queue", queued), ("--per-device", per_device is not None)):
            if given:
                raise UsageError(f"{option} and --slurm cannot be used together.", "Slurm has a queue of its own.")
        from runs.slurm.profile import Target, read
        from runs.slurm.submission import check_available

        profile = read(home.configuration, self.profile)
        if not self.dry_run:
            check_available()
        return Target(profile, self.nodes or 1)
