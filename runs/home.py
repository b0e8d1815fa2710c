"""The paths of the store's folders and of a run's files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from runs.errors import EnvironmentLacksError
from runs.user_path import user_path

CONFIG_FILE, LABELS_FILE, EVENTS_FILE = "config.json", "labels.json", "events.jsonl"
"""The names of the files of a run that lists are made from."""


def short_id(run_id: str) -> str:
    """Return the part of a run's id that users read and type."""
    return run_id[:8]


def _data_folder() -> Path:
    try:
        return platformdirs.user_data_path("nastui")
    except RuntimeError:  # a user id without an entry in the password file, and no HOME
        raise EnvironmentLacksError(
            "Your home folder is unknown, and the runs are stored in it.", "Set HOME, or name a folder with --home."
        ) from None


@dataclass(frozen=True)
class Home:
    """The folder that holds every run of a user (``$NASTUI_HOME``, or the platform's data folder)."""

    root: Path

    @classmethod
    def locate(cls, given: Path | None = None) -> Home:
        """Return the home given by the option, else by ``NASTUI_HOME``, else the user's data folder.

        Raises:
            UsageError, EnvironmentLacksError: as :func:`runs.user_path.user_path`.
        """
        return cls(user_path(given or os.environ.get("NASTUI_HOME") or _data_folder()))

    @property
    def index(self) -> Path:
        """The rebuildable TinyDB index."""
        return self.root / "index.json"

    @property
    def configuration(self) -> Path:
        """The configuration file: that of the home if it exists, else the user's."""
        own = self.root / "config.toml"
        if os.path.lexists(own):
            return own
        try:
            return platformdirs.user_config_path("nastui") / "config.toml"
        except RuntimeError:  # the user has no home folder
            return own

    @property
    def outbox(self) -> Path:
        """The messages about runs that are still to be sent, or may have to be."""
        return self.root / "notify"

    @property
    def index_lock(self) -> Path:
        """The lock for every read-modify-write of the index and of a run's labels."""
        return self.root / "index.lock"

    @property
    def measurements(self) -> Path:
        """Measurements made by `nastui profile` and by the forms, on this machine and others."""
        return self.root / "measured.json"

    @property
    def runs(self) -> Path:
        """The runs, one folder each. The index can be rebuilt from them."""
        return self.root / "runs"

    @property
    def trash(self) -> Path:
        """Removed runs, and a folder of removed tables; they stay until the user deletes them."""
        return self.root / "trash"

    @property
    def sweeps(self) -> Path:
        """The sweeps, one folder each; their members are ordinary runs."""
        return self.root / "sweeps"

    @property
    def removed_sweeps(self) -> Path:
        """Removed sweeps, in the trash."""
        return self.trash / "sweeps"

    @property
    def queue(self) -> Path:
        """The folder of the queue: its file, its lock, and the dispatcher's lock and log."""
        return self.root / "queue"

    @property
    def queue_file(self) -> Path:
        """The runs that wait, in order."""
        return self.queue / "queue.json"

    @property
    def dispatcher(self) -> Path:
        """The lock that a running dispatcher holds."""
        return self.queue / "lock"

    @property
    def slurm(self) -> Path:
        """The scripts of jobs, what they printed, and the file of the runs that Slurm has."""
        return self.root / "slurm"

    @property
    def slurm_jobs(self) -> Path:
        """The runs that Slurm has, and what it said of them last."""
        return self.slurm / "jobs.json"

    @property
    def datasets(self) -> Path:
        """Downloaded data sets (torchvision's root); ``NASTUI_DATASETS`` names a folder that homes share."""
        given = os.environ.get("NASTUI_DATASETS")
        return user_path(given) if given else self.root / "datasets"

    @property
    def benchmarks(self) -> Path:
        """Imported benchmark tables, one file each."""
        return self.root / "benchmarks"

    @property
    def removed_benchmarks(self) -> Path:
        """Removed tables, in the trash."""
        return self.trash / "benchmarks"

    def run(self, run_id: str) -> RunPaths:
        """Return the paths of one run."""
        return RunPaths(self.runs / run_id)

    def prepare(self) -> None:
        """Create the folders.

        Raises:
            EnvironmentLacksError: the home cannot be created or written.
        """
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            if not os.access(self.runs, os.W_OK | os.X_OK):
                raise PermissionError(13, "no write permission")
        except OSError as error:
            raise EnvironmentLacksError(
                f"The home '{self.root}' cannot be written: {error.strerror}.",
                "Name another folder with --home or NASTUI_HOME.",
            ) from error


@dataclass(frozen=True)
class RunPaths:
    """Every file of a run, by name."""

    root: Path

    @property
    def config(self) -> Path:
        """The frozen configuration."""
        return self.root / CONFIG_FILE

    @property
    def inputs(self) -> Path:
        """What the run learns from, as it was at its start: see :mod:`runs.store.inputs`."""
        return self.root / "inputs.json"

    @property
    def accepted(self) -> Path:
        """The fingerprint of changed data with which the next engine goes on."""
        return self.root / "inputs.accepted"

    @property
    def labels(self) -> Path:
        """The name, tags and note of the run. The only file that users change."""
        return self.root / LABELS_FILE

    @property
    def events(self) -> Path:
        """The append-only event log, written only by the engine."""
        return self.root / EVENTS_FILE

    @property
    def checkpoint(self) -> Path:
        """The newest complete checkpoint."""
        return self.root / "checkpoint.pt"

    @property
    def previous_checkpoint(self) -> Path:
        """The complete checkpoint before it, in case that one is damaged on the disk."""
        return self.root / "checkpoint.previous.pt"

    @property
    def genotype(self) -> Path:
        """The derived genotype, once the run has finished."""
        return self.root / "genotype.json"

    @property
    def variants(self) -> Path:
        """The genotypes by name that a method derives beside that one, once the run has finished; few methods do."""
        return self.root / "genotypes.json"

    @property
    def weights(self) -> Path:
        """The final weights of the supernet or network."""
        return self.root / "weights.safetensors"

    @property
    def best(self) -> Path:
        """The weights of a retraining's best epoch."""
        return self.root / "best.safetensors"

    @property
    def network(self) -> Path:
        """The description from which the network of the saved weights can be rebuilt."""
        return self.root / "network.json"

    @property
    def log(self) -> Path:
        """The engine's stdout and stderr."""
        return self.root / "engine.log"

    @property
    def lock(self) -> Path:
        """The lock that a running engine holds; its modification time is the heartbeat."""
        return self.root / "lock"

    @property
    def notify(self) -> Path:
        """What became of the messages about the run."""
        return self.root / "notify.json"

    @property
    def notify_lock(self) -> Path:
        """The lock of the process that sends messages about the run."""
        return self.root / "notify.lock"

    @property
    def activity(self) -> Path:
        """What the engine is doing, and since when: see :mod:`runs.store.activity`."""
        return self.root / "activity.json"

    def stacks(self, rank: int = 0) -> Path:
        """Return the file to which an engine process writes its Python stacks when it is asked."""
        return self.root / (f"stacks-{rank}.txt" if rank else "stacks.txt")

    @property
    def requests(self) -> Path:
        """The folder of requests, one file each."""
        return self.root / "requests"
