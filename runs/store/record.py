"""A run in a list, and what ``nastui runs show --json`` prints of it."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from runs.configuration import IMPORTED
from runs.home import RunPaths, short_id
from runs.log.summary import Summary
from runs.store.activity import Stall
from runs.store.labels import Labels
from runs.store.slurm_jobs import Entry
from runs.store.status import Status

_RUN_ID = re.compile(r"[0-9a-f]{8}-\w+-\w+")


@dataclass
class Record:
    """A run in a list: its unchanging head, its labels, the summary of its events, and its status.

    Attributes:
        job: its job, if Slurm has the run or had it last.
        stall: what its engine did last, and since when it has made no progress, if it lives and is stalled.
    """

    paths: RunPaths
    head: dict[str, Any]
    labels: Labels
    summary: Summary
    status: Status = Status.QUEUED
    offset: int = 0
    signature: list[Any] = field(default_factory=list)
    stall: Stall | None = None
    job: Entry | None = None

    @property
    def shown_status(self) -> Status:
        """The status for people: ``stalled`` for a live run that makes no progress."""
        return Status.STALLED if self.stall is not None else self.status

    @property
    def is_in_slurm(self) -> bool:
        """Whether Slurm has a job that works on the run, or will."""
        return self.job is not None and not self.job.ended

    @property
    def resumable(self) -> bool:
        """Whether an engine can be started for it: it has none, and no job in Slurm that will start one."""
        return self.status.resumable and not (self.status is Status.QUEUED and self.is_in_slurm)

    @property
    def job_text(self) -> str:
        """What Slurm says of its job, such as ``pending (Priority)``; empty without one, or after its end."""
        return "" if self.job is None else self.job.text(live=self.status.live)

    @cached_property
    def id(self) -> str:
        """The run's id."""
        return self.paths.root.name

    @property
    def benchmark_accuracy(self) -> float | None:
        """The test accuracy of the genotype in a table, in percent: see :meth:`Summary.judged_on`."""
        found = self.summary.judged_on(self.head["dataset"]) if self.summary.benchmark else None
        return self.summary.benchmark[found[0]][found[1]] if found else None

    @property
    def origin(self) -> str:
        """The source of a retrained genotype: a run's short id and epoch, or a published name; an imported file's name.

        Empty for a search."""
        name, comma, rest = str(self.head["origin"]).partition(",")
        return f"{short_id(name) if _RUN_ID.fullmatch(name) else name}{comma}{rest}"

    @property
    def subject(self) -> str:
        """What stands for a missing name: the genotype that is retrained, or the imported file; empty for a search."""
        return self.origin if self.head["kind"] == IMPORTED else f"of {self.origin}" if self.origin else ""

    @classmethod
    def from_document(cls, paths: RunPaths, document: dict[str, Any]) -> Record:
        """Return the run of a document of the index.

        Raises:
            KeyError, TypeError, ValueError: the document is damaged.
        """
        return cls(
            paths,
            document["head"],
            Labels(**document["labels"]),
            Summary.from_json(document["summary"]),
            Status(document["status"]),
            document["offset"],
            document["signature"],
        )

    def to_document(self) -> dict[str, Any]:
        """Return the document of the run for the index (:mod:`runs.store.index`)."""
        return {
            "id": self.id,
            "head": self.head,
            "labels": vars(self.labels),
            "summary": self.summary.to_json(),
            "status": str(self.status),
            "offset": self.offset,
            "signature": self.signature,
        }

    def to_json(self) -> dict[str, Any]:
        """Return what ``nastui runs show --json`` prints; keys are an interface."""
        from_epoch = {
            name: getattr(self.summary, name)
            for name in ("epoch", "epochs", "seconds", "metrics", "best", "genotype", "parameters", "macs")
        }
        return {
            **self.head,
            "id": self.id,
            "name": self.labels.name,
            "tags": self.labels.tags,
            "note": self.labels.note,
            "status": str(self.status),
            "stalled": self.stall and self.stall.to_json(),
            "started": _stamp(self.summary.started),
            "ended": _stamp(self.summary.ended),
            **from_epoch,
            "network": self.summary.network,
            "genotype_stood": self.summary.stood,
            "benchmark": self.summary.benchmark,
            "benchmark_rank": self.summary.benchmark_rank,
            "benchmark_size": self.summary.benchmark_size,
            "problem": self.summary.problem,
            "hint": self.summary.hint,
            "early_stop": {"rule": self.summary.stop_rule, "reason": self.summary.stop_reason}
            if self.summary.stop_rule
            else None,
            "slurm": self.job and self.job.to_json(),
            "path": str(self.paths.root),
        }


def _stamp(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat(timespec="seconds")
