"""The Slurm profiles of ``config.toml`` that a form offers, and the cluster as it was seen last."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runs.errors import NastuiError, UsageError
from runs.files import fingerprint
from runs.formatting import count
from runs.home import Home
from runs.slurm import cluster as clusters
from runs.slurm import submission
from runs.slurm.cluster import Cluster
from runs.slurm.profile import Profile, Target, checked, read, sections
from screens.models.forms import FieldView

_PREFIX = "slurm "
# sinfo loads the controller of the whole cluster, and a form is checked at every keystroke.
_LOOK_AGAIN_SECONDS = 60.0
_DEVICE_HELP = "The device in its job: auto is a GPU if the profile asks for one, otherwise the CPU."


class SlurmProfiles:
    """The profiles of a configuration file. Every copy of a form shares them.

    Args:
        file: ``config.toml``; None for no profiles.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._read: tuple[list[int], dict[str, dict[str, Any]]] = ([], {})
        self._cluster: tuple[float, Cluster] = (float("-inf"), Cluster())
        self._looking = threading.Lock()
        self.refresh()
        self._offers = bool(self._read[1])  # a form that is open gets no further fields

    @classmethod
    def of(cls, home: Home) -> SlurmProfiles:
        """Return the profiles for the runs of a home."""
        return cls(home.configuration)

    def refresh(self) -> None:
        """Read the file again if it has changed. A file that cannot be read has no profiles: the app says why."""
        signature = fingerprint(self._file) if self._file is not None else []
        if self._file is None or signature == self._read[0]:
            return
        try:
            self._read = (
                signature,
                {name: values for name, values in sections(self._file).items() if name and name.isprintable()},
            )
        except NastuiError:
            self._read = signature, {}

    @property
    def choices(self) -> tuple[str, ...]:
        """What can be chosen for each of them: ``slurm NAME``."""
        return tuple(_PREFIX + name for name in self._read[1]) if self._offers else ()

    def nodes(self, typed: Mapping[str, str], section: str) -> list[FieldView]:
        """Return the field of the number of nodes, if there are profiles."""
        help = "With Slurm: over how many nodes the processes of a run (gpus) are spread."
        view = FieldView(
            "nodes", section, typed.get("nodes", "1"), "nodes" in typed, ("with Slurm",), help, numeric=True
        )
        return [view] if self._offers else []

    def name(self, typed: Mapping[str, str]) -> str:
        """Return the name of the profile that is chosen in a form; empty without Slurm."""
        start = typed.get("start", "")
        return start.removeprefix(_PREFIX) if start.startswith(_PREFIX) else ""

    def words(self, typed: Mapping[str, str]) -> tuple[str, ...]:
        """Return what the command of a form says of Slurm."""
        name, nodes = self.name(typed), typed.get("nodes", "1")
        if not name:
            return ()
        profile = (f"--slurm={name}",) if name.startswith("-") else ("--slurm", name)
        return (*profile, *(("--nodes", nodes) if nodes != "1" else ()))

    def device(self, typed: Mapping[str, str]) -> FieldView:
        """Return the field of the device, as it is for a job."""
        chosen, profile = typed.get("device", "auto"), self._known(self.name(typed))
        note = "" if profile is None or chosen != "auto" else f"is {profile.device(chosen)}"
        return FieldView(
            "device", "run", chosen, "device" in typed, (note,) if note else (), _DEVICE_HELP, ("auto", "cpu", "cuda")
        )

    def summary(self, typed: Mapping[str, str]) -> str:
        """Return what the profile asks for, in a line; empty without Slurm, or if the profile is wrong."""
        profile = self._known(self.name(typed))
        if profile is None:
            return ""
        nodes = _number(typed.get("nodes", "1"))
        return ", ".join([f"Slurm: {profile.summary}", *([count(nodes, "node")] if nodes > 1 else [])])

    def checked_profile(self, typed: Mapping[str, str]) -> Profile | None:
        """Return the profile that is chosen, as the file has it now; None without Slurm. Call it in a thread.

        Raises:
            NastuiError: it is gone or wrong, jobs cannot be submitted from here, or the cluster has no such partition.
        """
        self.refresh()
        name = self.name(typed)
        if not name or self._file is None:
            return None
        profile = read(self._file, name)
        submission.check_available()
        with self._looking:
            if time.monotonic() - self._cluster[0] > _LOOK_AGAIN_SECONDS:
                found = clusters.look()
                self._cluster = time.monotonic(), found
        clusters.check_partition(profile, self._cluster[1])
        return profile

    def target(self, typed: Mapping[str, str], profile: Profile | None) -> Target | None:
        """Return where in Slurm the runs are to work; None without Slurm.

        Raises:
            UsageError: the number of nodes is wrong.
        """
        nodes = typed.get("nodes", "1")
        if profile is None and nodes != "1":
            raise UsageError("is for runs in Slurm; choose a profile of Slurm at 'start'.")
        if _number(nodes) < 1:
            raise UsageError(f"must be a whole number of at least 1, got '{nodes[:20]}'.")
        return None if profile is None else Target(profile, _number(nodes))

    def _known(self, name: str) -> Profile | None:
        if name not in self._read[1] or self._file is None:
            return None
        try:
            return checked(name, self._read[1][name], self._file)
        except NastuiError:
            return None


def _number(text: str) -> int:
    """Return a whole number as it is typed; 0 if it is not one, or very large."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0
