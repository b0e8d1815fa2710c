"""A field of a form without its looks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldView:
    """A field as it stands.

    Attributes:
        value: what it holds, as text; of the preset unless something was typed.
        typed: whether it differs from the preset.
        notes: how it differs from the paper, and its range; as many as there is room for, the first before the others.
        choices: the only values there are; empty where it is typed.
        problem: what is wrong with it.
        warning: what one should know before one starts; nothing is refused.
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
