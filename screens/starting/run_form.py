"""The state of the New run form: what was typed, the fields that follow from it, and the draft."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runs import catalogue, configuration
from runs.catalogue.entries import Method, Preset, Space
from runs.catalogue.settings import SettingInfo, describe, validate
from runs.configuration import Draft, draft_from
from runs.errors import NastuiError, UsageError
from runs.machine import devices
from screens.models.forms import FieldView
from screens.starting import many
from screens.starting.device_field import Devices
from screens.starting.many import Checked, checked
from screens.starting.slurm_profiles import SlurmProfiles

_PAPER = "paper"
_FIRST_METHOD = "drnas"


def resolved(draft: Callable[[], Draft], typed: Mapping[str, str], slurm: SlurmProfiles) -> Checked:
    """Return the checked draft, with what is typed about several runs and about Slurm; call it in a thread."""
    try:
        return checked(draft(), typed, slurm)
    except NastuiError as error:
        return Checked({"": str(error)})


@dataclass
class RunForm:
    """What was selected and typed. Typed values stay when the method, space or preset changes.

    Attributes:
        method, space, preset: names of the catalogue; :meth:`choose` keeps them consistent.
        typed: text by field, only where it is not empty.
        devices: the devices as last measured.
        slurm: the Slurm profiles that can be chosen.
    """

    method: str = ""
    space: str = ""
    preset: str = _PAPER
    typed: dict[str, str] = field(default_factory=dict)
    devices: Devices = field(default_factory=Devices)
    slurm: SlurmProfiles = field(default_factory=SlurmProfiles)

    def __post_init__(self) -> None:
        self.choose(method=self.method or _FIRST_METHOD)

    def choose(self, *, method: str = "", space: str = "", preset: str = "") -> None:
        """Select by name; a space or preset that the method does not have is replaced by its first."""
        self.method = method or self.method
        spaces = self._method.spaces
        requested = space or self.space
        self.space = requested if requested in spaces else spaces[0]
        names = [entry.name for entry in self.presets]
        requested = preset or self.preset
        self.preset = requested if requested in names else names[0]

    @property
    def presets(self) -> list[Preset]:
        """The presets of the method in the space."""
        return [entry for entry in self._method.presets if entry.space == self.space]

    def head(self) -> list[FieldView]:
        """Return the fields other than the hyperparameters."""
        chosen = self._chosen_preset
        names = " | ".join(catalogue.datasets())
        return [
            FieldView("space", "run", self.space, help=self._space.summary, choices=self._method.spaces),
            self._text("dataset", chosen.dataset, names, self._dataset_help()),
            self._text("seed", str(chosen.seed), "0 or more", "The seed of all random numbers.", numeric=True),
            self.device(),
            self._text("name", "", "optional", "A name for the run; tags can be added later."),
            *many.views(self.typed, self.slurm, grid=True),
        ]

    def device(self) -> FieldView:
        """Return the field of the device: one of this machine, or of a job in Slurm."""
        if self.slurm.name(self.typed):
            return self.slurm.device(self.typed)
        return self.devices.view(self.typed.get("device"))

    def settings(self) -> list[FieldView]:
        """Return every hyperparameter, by group."""
        return [self._setting(info) for info in describe(self._options)]

    def view(self, name: str) -> FieldView:
        """Return one field."""
        return next(view for view in (*self.head(), *self.settings()) if view.name == name)

    def write(self, name: str, text: str) -> None:
        """Store the text of a field; an empty text, or the preset's own value, counts as not typed."""
        if name == "space":
            self.choose(space=text)
        elif text.strip() and text != self._untyped(name):
            self.typed[name] = text.strip()
        else:
            self.typed.pop(name, None)

    def draft(self) -> Draft:
        """Return the draft.

        Raises:
            UsageError: the seed is invalid.
        """
        names = self._options.model_fields
        options = {name: self._parsed(name, text) for name, text in self.typed.items() if name in names}
        values: dict[str, Any] = {name: self.typed[name] for name in ("dataset", "seed", "name") if name in self.typed}
        values |= {"method": self.method, "space": self.space, "preset": self.preset, "source": "the form"}
        values["device"] = self.typed.get("device", "auto")
        values["options"] = {name: value for name, value in options.items() if value != self._value(name)}
        return draft_from(values)

    def check(self) -> Checked:
        """Check the whole form. This reads folders and devices: call it in a thread."""
        faults = {view.name: view.problem for view in self.settings() if view.problem}
        checks: tuple[tuple[str, Callable[[str], object]], ...] = (
            ("dataset", catalogue.dataset),
            ("seed", self._seeded),
            ("device", devices.resolve),
            ("name", configuration.checked_label),
        )
        in_slurm = bool(self.slurm.name(self.typed))  # with devices of its own
        for name, check in checks:
            if in_slurm and name == "device":
                continue
            try:
                check(self.typed.get(name, self._untyped(name)))
            except NastuiError as error:
                faults[name] = str(error)
        return Checked(faults) if faults else resolved(self.draft, self.typed, self.slurm)

    @property
    def _method(self) -> Method:
        return catalogue.method(self.method)

    @property
    def _space(self) -> Space:
        return catalogue.space(self.space)

    @property
    def _options(self) -> Any:
        return catalogue.options(self._method, self._space)

    @property
    def _chosen_preset(self) -> Preset:
        return catalogue.preset(self._method, self.space, self.preset)

    def _untyped(self, name: str) -> str:
        preset = self._chosen_preset
        head = {"dataset": preset.dataset, "seed": str(preset.seed), "device": "auto", "name": ""} | many.USUAL
        return head[name] if name in head else shown(self._value(name))

    def _value(self, name: str, preset: Preset | None = None) -> Any:
        values = preset.values if preset else self._options.adapted(self._chosen_preset.values, self.typed)
        return values.get(name, self._options.model_fields[name].get_default())

    def _parsed(self, name: str, text: str) -> Any:
        try:
            return getattr(validate(self._options, {name: text}, "the form"), name)
        except UsageError:
            return text

    def _seeded(self, seed: str) -> None:
        try:
            draft_from({"method": self.method, "seed": seed})
        except UsageError as error:
            raise UsageError(error.message) from error  # its hint is about the command line

    def _text(self, name: str, untyped: str, note: str, help: str, *, numeric: bool = False) -> FieldView:
        text = self.typed.get(name, untyped)
        return FieldView(name, "run", text, name in self.typed, (note,), help, numeric=numeric)

    def _dataset_help(self) -> str:
        known = catalogue.datasets().get(self.typed.get("dataset", self._chosen_preset.dataset))
        if known is None:
            folder = "an image folder with train/<class>/*.jpg and test/<class>/*.jpg"
            return f"A data set of the catalogue, or the path of {folder}."
        return f"{known.summary} To get it: {known.obtain}." if "nastui" in known.obtain else known.summary

    def _setting(self, info: SettingInfo) -> FieldView:
        text = self.typed.get(info.name, "")
        value, problem = self._value(info.name), ""
        choices = ("true", "false") if info.type == "bool" else info.choices
        if text:
            try:
                value = getattr(validate(self._options, {info.name: text}, "the form"), info.name)
            except UsageError as error:
                problem = error.message.partition(", but ")[2] or error.message
        return FieldView(
            info.name,
            info.group,
            text or shown(value),
            value != self._value(info.name) or bool(problem),
            ()
            if problem
            else tuple(filter(None, (self._against_paper(info.name, value), "" if choices else info.range))),
            f"{info.help} {'Range ' + info.range + '.' if info.range and not choices else ''}".strip(),
            choices,
            problem,
            numeric=info.type in ("int", "float"),
        )

    def _against_paper(self, name: str, value: Any) -> str:
        paper = next((entry for entry in self.presets if entry.name == _PAPER), None)
        if paper is None or value == (published := self._value(name, paper)):
            return ""
        return f"≠ paper {shown(published)}"


def shown(value: Any) -> str:
    """Return a value as users would type it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
