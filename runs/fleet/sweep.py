"""A sweep: the frozen document ``sweep.json``, which says what belongs together. Its members are ordinary runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from runs.configuration import Draft, draft_from
from runs.errors import UsageError
from runs.files import MEBIBYTE, read_regular, replace_text
from runs.fleet.grid import Combination
from runs.home import Home

VERSION = 1
MOST_BYTES = 64 * MEBIBYTE


class Member(BaseModel):
    """A run of a sweep.

    Attributes:
        run: its id. The run may not exist yet, or no longer.
        seed: its seed.
        values: its combination of the values of the grid, as typed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str = Field(pattern=r"^\w[\w.-]*$")
    seed: int
    values: Combination = Field(default_factory=dict)


class Sweep(BaseModel):
    """A sweep: what its members have in common, and what differs.

    Attributes:
        id: of the sweep.
        draft: what was typed for all members, as :class:`runs.configuration.Draft`.
        seeds: every seed.
        grid: the values of each setting that varies.
        members: in the order in which they are to run.
        per_device: how many of them may share a GPU.
        slurm: what is asked of Slurm for each, as :class:`runs.slurm.profile.Request`; None if the queue starts them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = VERSION
    id: str
    created: str
    name: str = ""
    draft: dict[str, Any]
    seeds: tuple[int, ...]
    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    members: tuple[Member, ...]
    per_device: int = Field(default=1, ge=1)
    slurm: dict[str, Any] | None = None

    @field_validator("draft")
    @classmethod
    def _names_a_method(cls, draft: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(draft.get("method"), str):
            raise ValueError("names no method")
        return draft

    @property
    def title(self) -> str:
        """Its name, or its method with the keys of its grid."""
        method = " ".join(map(str, self.grid.get("method", (self.draft["method"],))))
        varied = ", ".join(key for key in self.grid if key != "method")
        return self.name or (f"{method} over {varied}" if varied else method)

    @property
    def device(self) -> str:
        """The device of its members, if it is another machine's; otherwise empty."""
        return str(self.slurm["device"]) if self.slurm else ""

    def checked_draft(self) -> Draft:
        """Return what was typed for all members.

        Raises:
            UsageError: the document was edited, or is of a newer version.
        """
        return draft_from(self.draft)

    def varied(self, member: Member) -> Combination:
        """Return what tells a member from the others: its seed if there are several, and its values of the grid."""
        has_seeds = len(self.seeds) > 1 or not self.grid
        return ({"seed": member.seed} if has_seeds else {}) | member.values


def sweep_file(home: Home, name: str) -> Path:
    """Return where the document of a sweep is."""
    return home.sweeps / name / "sweep.json"


def read_sweep(home: Home, name: str) -> Sweep:
    """Return the sweep of a folder.

    Raises:
        UsageError: its document cannot be read, or is not one.
    """
    path = sweep_file(home, name)
    try:
        sweep = Sweep.model_validate_json(read_regular(path, MOST_BYTES))
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise UsageError(f"'{path}' is not a sweep: {where}: {fault['msg']}.", "Its runs are not affected.") from error
    if sweep.id != name:
        raise UsageError(f"'{path}' is the document of another sweep.", "Its runs are not affected.")
    return sweep


def write_sweep(home: Home, sweep: Sweep) -> None:
    """Replace the document of a sweep, whose folder exists.

    Raises:
        OSError: it cannot be written.
    """
    replace_text(sweep_file(home, sweep.id), sweep.model_dump_json(indent=1) + "\n")
