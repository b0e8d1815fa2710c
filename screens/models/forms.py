"""A field of a form."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldView:
    """A field and its current value.

    Attributes:
        section: the heading under which it is shown.
        value: its value as text; that of the preset unless something was typed.
        typed: whether it differs from the preset.
        notes: how it differs from the paper, and its range; as many are shown as fit, in this order.
        choices: the possible values; empty if any text can be typed.
        problem: what is wrong with the value.
        warning: what to know before starting; the value is accepted.
        numeric: whether the value is a number.
    """

    name: str
    section: str
    value: str
    typed: bool = False
    notes: tuple[str, ...] = ()
    help: str = ""
    choices: tuple[str, ...] = ()
    problem: str = ""
    warning: str = ""
    numeric: bool = False

    @property
    def searched(self) -> str:
        """What a search looks at, in small letters: the name, also with spaces, the section, the help, the choices."""
        return " ".join((self.name, self.name.replace("_", " "), self.section, self.help, *self.choices)).lower()
