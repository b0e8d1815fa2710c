"""The state of the Retrain form: what was typed, and the draft that follows from it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from runs import catalogue
from runs.catalogue.entries import Preset
from runs.configuration import Draft, draft_from
from runs.errors import NastuiError, UsageError
from runs.store.find_genotype import Found
from runs.store.retraining import asked
from screens.models.forms import FieldView
from screens.starting import many
from screens.starting.device_field import Devices
from screens.starting.many import Checked
from screens.starting.run_form import resolved
from screens.starting.slurm_profiles import SlurmProfiles

_NAMES = ("preset", "dataset", "seed", "device", "name")


@dataclass
class RetrainForm:
    """What was selected and typed.

    Attributes:
        found: the genotype.
        typed: text by field, only where it differs from the recipe.
        devices: the devices as last measured.
        folders: by the path of an image folder that was typed, the data set whose recipes it takes. A check reads them.
    """

    found: Found
    typed: dict[str, str] = field(default_factory=dict)
    devices: Devices = field(default_factory=Devices)
    slurm: SlurmProfiles = field(default_factory=SlurmProfiles)
    folders: dict[str, str] = field(default_factory=dict)

    @property
    def recipes(self) -> list[Preset]:
        """The recipes for genotypes of this space, that of the genotype's own paper first."""
        presets = [entry for entry in catalogue.method("retrain").presets if entry.space == self.found.genotype.space]
        return sorted(presets, key=lambda entry: entry.name != self.found.recipe)

    @property
    def usual(self) -> Preset | None:
        """The recipe of the paper for the data set, which is used if none is selected; None if the space has none."""
        first = next(iter(self.recipes), None)
        if first is None or "dataset" not in self.typed:
            return first
        typed = self.typed["dataset"]
        name = first.elsewhere.get(self.folders.get(typed, typed), first.name)
        return next(entry for entry in self.recipes if entry.name == name)

    @property
    def recipe(self) -> Preset | None:
        """The selected recipe; None if the space has none."""
        name = self.typed.get("preset", "")
        return next((entry for entry in self.recipes if entry.name == name), self.usual)

    def views(self) -> list[FieldView]:
        """Return the fields."""
        recipe = self.recipe
        if recipe is None:
            return []
        first = self.recipes[0]
        own = "of its own paper" if recipe.name in (first.name, *first.elsewhere.values()) else "not of its own paper"
        dataset = recipe.dataset if "preset" in self.typed else self.found.dataset or recipe.dataset
        names = " | ".join(catalogue.datasets())
        return [
            FieldView(
                "preset",
                "run",
                recipe.name,
                "preset" in self.typed,
                (own if self.found.recipe else "",),
                recipe.summary,
                tuple(entry.name for entry in self.recipes),
            ),
            self._text("dataset", dataset, names, "A data set of the catalogue, or the path of an image folder."),
            self._text("seed", str(recipe.seed), "0 or more", "The seed of all random numbers."),
            self.device(),
            self._text("name", "", "optional", "A name for the run; tags can be added later."),
            *many.views(self.typed, self.slurm, grid=False),
            *self._gpus(),
        ]

    def device(self) -> FieldView:
        """Return the field of the device: one of this machine, or of a job in Slurm."""
        if self.slurm.name(self.typed):
            return self.slurm.device(self.typed)
        return self.devices.view(self.typed.get("device"))

    def write(self, name: str, text: str) -> None:
        """Store the text of a field; an empty text, or the recipe's own value, counts as not typed."""
        untyped = RetrainForm(
            self.found, {key: value for key, value in self.typed.items() if key == "preset"}, slurm=self.slurm
        )
        usual = {view.name: view.value for view in untyped.views()}
        usual["preset"] = self.usual.name if self.usual else ""
        if text.strip() and text.strip() != usual[name]:
            self.typed[name] = text.strip()
        else:
            self.typed.pop(name, None)

    def draft(self) -> Draft:
        """Return the draft, the same that ``nastui retrain`` makes.

        Raises:
            UsageError: the seed is invalid, or no recipe trains the space.
        """
        if self.recipe is None:
            space = self.found.genotype.space
            raise UsageError(f"No recipe trains networks of the space '{space}'.", "See `nastui presets retrain`.")
        given: dict[str, Any] = {name: self.typed[name] for name in _NAMES if name in self.typed}
        options = {"gpus": self.typed["gpus"]} if "gpus" in self.typed else {}
        return draft_from(asked(self.found) | given | {"options": options})

    def check(self) -> Checked:
        """Check the whole form. This reads folders: call it in a thread."""
        typed = self.typed.get("dataset", "")
        if typed and typed not in catalogue.datasets():
            with contextlib.suppress(NastuiError):  # the draft has the same fault
                self.folders[typed] = catalogue.dataset(typed).recipes_of
        return resolved(self.draft, self.typed, self.slurm)

    def _gpus(self) -> list[FieldView]:
        """Return the field of the number of processes, which nodes of Slurm share out."""
        help = "Split each batch over this many GPUs (on the CPU: over processes)."
        return [self._text("gpus", "1", "1 or more", help)] if self.slurm.choices else []

    def _text(self, name: str, usual: str, note: str, help: str) -> FieldView:
        return FieldView(name, "run", self.typed.get(name, usual), name in self.typed, (note,), help)
