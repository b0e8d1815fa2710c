"""What to ask of Slurm: the profiles of ``config.toml``, and what a command adds to one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from runs import toml_file
from runs.configuration import RunConfig
from runs.errors import NotFoundError, UsageError, closest
from runs.formatting import count

_TIME = re.compile(r"\d+(?::\d{1,2}){0,2}|\d+-\d{1,2}(?::\d{1,2}){0,2}")
_GPU = re.compile(r"(gpu(?::[^:,()]+)??)(?::\d+)?")
EXAMPLE = 'In config.toml: [slurm.gpu] with partition = "gpu", gres = "gpu:1", time = "12:00:00".'


def _line(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must be a single line")
    return text.strip()


def _option(text: str) -> str:
    text = _line(text).removeprefix("#SBATCH").strip()
    if not text.startswith("-"):
        raise ValueError(f"must be options of sbatch such as '--exclude=node3', got '{text[:80]}'")
    return text


def _time(text: str) -> str:
    if text and not _TIME.fullmatch(text):
        raise ValueError(f"must be a time limit such as '12:00:00' or '2-00', got '{text[:80]}'")
    return text


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(_line)]
Lines = Annotated[tuple[Annotated[str, AfterValidator(_line)], ...], BeforeValidator(_as_list)]
Options = Annotated[tuple[Annotated[str, AfterValidator(_option)], ...], BeforeValidator(_as_list)]


class Profile(BaseModel):
    """A section ``[slurm.NAME]`` of ``config.toml``. What it leaves out, the cluster decides.

    Attributes:
        name: of the section.
        partition, account, qos, constraint: as sbatch's options of these names.
        gres: the resources of each node, such as ``gpu:a100:1``.
        cpus: the CPUs of each process.
        mem: the memory of each node, such as ``32G``.
        time: the time limit. A run that is not done then is requeued, and goes on.
        notice: so many seconds before the time limit the engine writes its checkpoint.
        at_once: the most jobs of an array that run at the same time; 0 for any number.
        extra: further options of sbatch.
        setup: lines of shell that prepare the environment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    partition: Text = ""
    account: Text = ""
    qos: Text = ""
    constraint: Text = ""
    gres: Text = ""
    cpus: int = Field(default=0, ge=0, strict=True)
    mem: Annotated[Text, BeforeValidator(_as_text)] = ""
    time: Annotated[Text, BeforeValidator(_as_text), AfterValidator(_time)] = ""
    notice: int = Field(default=120, ge=1, le=65535, strict=True)
    at_once: int = Field(default=0, ge=0, strict=True)
    extra: Options = ()
    setup: Lines = ()

    @property
    def has_gpus(self) -> bool:
        """Whether its jobs get a GPU."""
        return any(re.search(r"\b(gpus?|shard|mps)\b", word) for word in (self.gres, *self.extra))

    @property
    def summary(self) -> str:
        """What it asks for, such as ``partition gpu, gpu:a100:1, 8 CPUs, 32G, 12:00:00``."""
        named = (("partition", self.partition), ("account", self.account), ("qos", self.qos))
        parts = [f"{word} {value}" for word, value in named if value]
        parts += [self.constraint, self.gres, count(self.cpus, "CPU") if self.cpus else "", self.mem, self.time]
        return ", ".join(filter(None, [*parts, *self.extra])) or "as the cluster decides"

    def device(self, typed: str) -> str:
        """Return the device of a run: ``cpu``, or ``cuda:0`` for the first GPU of its job.

        Raises:
            UsageError: a job has no such device.
        """
        if typed not in ("auto", "cpu", "cuda", "cuda:0"):
            raise UsageError(f"--device is '{typed[:80]}', but with --slurm it must be auto, cpu or cuda.")
        return "cuda:0" if typed.startswith("cuda") or (typed == "auto" and self.has_gpus) else "cpu"


class Request(BaseModel):
    """What is asked of Slurm for each run.

    Attributes:
        profile: the profile, as it was when the run was submitted first.
        nodes: over how many machines each run is spread.
        processes: of each run; each has a GPU, if the run is on GPUs.
        device: on which it computes, ``cpu`` or ``cuda:0``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    profile: Profile
    nodes: int = 1
    processes: int = 1
    device: str = "cpu"

    @property
    def gres(self) -> str:
        """The resources of each node: those of the profile, with as many GPUs as it has processes of a run."""
        of_profile = self.profile.gres
        per_node = self.processes // self.nodes
        if self.device == "cpu" or (self.processes == 1 and of_profile):
            return of_profile
        if not of_profile:
            return "" if self.profile.has_gpus else f"gpu:{per_node}"
        first, comma, others = of_profile.partition(",")
        match = _GPU.fullmatch(first)
        return f"{match[1]}:{per_node}{comma}{others}" if match else of_profile


@dataclass(frozen=True)
class Target:
    """Where in Slurm the runs of a command or a form are to work.

    Attributes:
        profile: the profile.
        nodes: over how many machines each run is spread.
    """

    profile: Profile
    nodes: int = 1

    def device(self, typed: str) -> str:
        """Return the device of each run, and raise, as :meth:`Profile.device`."""
        return self.profile.device(typed)

    def request(self, configs: Iterable[RunConfig]) -> Request:
        """Return what to ask of Slurm for each of these runs, which are the jobs of one array.

        Raises:
            UsageError: they do not have equally many processes, or these cannot be shared out among the nodes.
        """
        found = {(config.device, config.options.get("gpus", 1)) for config in configs}
        if len(found) > 1:
            raise UsageError(
                "The grid varies 'gpus', but all jobs of an array get the same.", "Start one sweep for each."
            )
        device, processes = found.pop()
        if processes % self.nodes:
            number = "1 process" if processes == 1 else f"{processes} processes"
            raise UsageError(
                f"{number} cannot be shared out equally among {self.nodes} nodes.",
                f"Set --gpus to a multiple of {self.nodes}: it counts the GPUs of all nodes.",
            )
        return Request(profile=self.profile, nodes=self.nodes, processes=processes, device=device)


def sections(file: Path) -> dict[str, dict[str, Any]]:
    """Return the profiles of a configuration file by name, as they are written; a missing file has none.

    Raises:
        UsageError: the file cannot be read, is not valid TOML, or has something else than sections.
    """
    try:
        profiles = toml_file.read(file).get("slurm", {})
    except FileNotFoundError:
        profiles = {}
    except OSError as error:
        raise UsageError(f"'{file}' cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"'{file}' is not valid TOML: {error}.") from error
    if not isinstance(profiles, dict) or not all(isinstance(found, dict) for found in profiles.values()):
        raise UsageError(f"'slurm' in '{file}' must have a section for each profile.", EXAMPLE)
    return profiles


def read(file: Path, name: str) -> Profile:
    """Return a profile of a configuration file.

    Args:
        file: ``config.toml``.
        name: of the profile; empty for ``default``, or the only one.

    Raises:
        UsageError: the file or the profile is invalid, or there are several and none was named.
        NotFoundError: there is no such profile.
    """
    profiles = sections(file)
    if not profiles:
        raise NotFoundError(f"There is no Slurm profile in '{file}'.", EXAMPLE)
    if not name:
        if "default" not in profiles and len(profiles) > 1:
            raise UsageError(f"'{file}' has {len(profiles)} Slurm profiles.", f"Name one: {', '.join(profiles)}.")
        name = "default" if "default" in profiles else next(iter(profiles))
    if name not in profiles:
        raise NotFoundError(f"There is no Slurm profile '{name[:80]}' in '{file}'.", closest(name, profiles))
    return checked(name, profiles[name], file)


def checked(name: str, values: Mapping[str, Any], file: Path) -> Profile:
    """Return a profile of these values.

    Raises:
        UsageError: one of them is unknown or invalid; the message names it.
    """
    known = [field for field in Profile.model_fields if field != "name"]
    for key in values:
        if key not in known:
            raise UsageError(f"'{file}': [slurm.{name}] has no '{key[:80]}'.", closest(key, known))
    try:
        return Profile(name=name, **values)
    except ValidationError as error:
        fault = error.errors()[0]
        what = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "string_type":
            what = "must be text in quotes"
        elif fault["type"] == "int_type":
            what = "must be a whole number"
        elif fault["type"].startswith(("greater", "less")):
            what = "must be " + what.removeprefix("Input should be ")
        elif fault["type"] == "tuple_type":
            what = "must be a list of lines"
        raise UsageError(f"'{file}': '{fault['loc'][0]}' of [slurm.{name}] {what}.") from error
