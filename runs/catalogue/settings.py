"""Hyperparameters as typed, bounded fields with help texts. Forms, help, validation and the engine share them."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo

from runs.errors import UsageError, closest

Group = Literal[
    "search space", "data", "schedule", "weights", "architecture", "evaluation", "hardware", "compatibility"
]
GROUPS: tuple[str, ...] = get_args(Group)


@dataclass(frozen=True)
class SpaceFacts:
    """What a method's settings can ask about the space that they are joined with.

    Attributes:
        operations: the candidate operations of the space.
        options: the names of the space's hyperparameters.
        of_supernet: those options that its discrete networks do not have.
    """

    operations: tuple[str, ...]
    options: frozenset[str]
    of_supernet: frozenset[str]


class Settings(BaseModel):
    """Base of every set of hyperparameters: frozen, no unknown keys, no NaN, no booleans for numbers.

    Attributes:
        joined: the space with which :func:`runs.catalogue.options` joined a method's hyperparameters; else None.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=False,
        # A command needs few of the sets, or none: building all validators takes a tenth of its time.
        defer_build=True,
    )
    joined: ClassVar[SpaceFacts | None] = None

    @classmethod
    def adapted(cls, preset: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a preset's values as they apply beside those that a user gives.

        Args:
            preset: the preset's values by name.
            given: the user's, as text or typed; they may be wrong.
        """
        return dict(preset)

    @field_validator("*", mode="before")
    @classmethod
    def _no_booleans_for_numbers(cls, value: Any, info: Any) -> Any:
        if isinstance(value, bool) and cls.model_fields[info.field_name].annotation in (int, float):
            raise ValueError("must be a number, not true or false")
        return value


def setting(
    default: Any,
    help: str,
    *,
    group: Group,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
) -> Any:
    """Declare a hyperparameter: its default, one line of help, its group in the form, its bounds."""
    return Field(default, description=help, json_schema_extra={"group": group}, ge=ge, gt=gt, le=le, lt=lt)


@dataclass(frozen=True)
class SettingInfo:
    """A hyperparameter as users see it. ``range`` is like ``1 … 512`` or ``l2 | kl``; empty if unbounded."""

    name: str
    type: str
    default: Any
    help: str
    group: str
    range: str
    choices: tuple[str, ...]


def describe(options: type[Settings]) -> list[SettingInfo]:
    """Return the description of every hyperparameter of a set, ordered by group and then as declared."""
    infos = [_describe(name, field) for name, field in options.model_fields.items()]
    return sorted(infos, key=lambda info: GROUPS.index(info.group))


def validate(options: type[Settings], values: Mapping[str, Any], source: str) -> Settings:
    """Check values against the descriptions of their hyperparameters.

    Args:
        options: the set of hyperparameters.
        values: text or typed values by name; the others take their defaults.
        source: where the values come from, for the message: ``--set`` or the name of a file.

    Raises:
        UsageError: an unknown name, a wrong type or a value out of range; the message lists every fault.
    """
    for name in values:
        if name not in options.model_fields:
            raise UsageError(f"Unknown key '{name}' in {source}.", closest(name, options.model_fields))
    try:
        return options.model_validate(dict(values))
    except ValidationError as error:
        raise UsageError("; ".join(_explain(options, fault, source) for fault in error.errors()) + ".") from None


def _explain(options: type[Settings], fault: Any, source: str) -> str:
    name = str(fault["loc"][0]) if fault["loc"] else ""
    field = options.model_fields.get(name)
    if field is None:
        return str(fault["msg"]).removeprefix("Value error, ")
    info = _describe(name, field)
    allowed = " | ".join(info.choices) or " ".join(filter(None, (_article(info.type), info.range)))
    given = str(fault.get("input"))
    return f"{name} in {source} is {given[:80]!r}, but must be {allowed}"


def _article(kind: str) -> str:
    return {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}.get(kind, kind)


def _describe(name: str, field: FieldInfo) -> SettingInfo:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    choices: tuple[str, ...] = ()
    if get_origin(field.annotation) is Literal:
        choices = tuple(str(choice) for choice in get_args(field.annotation))
    return SettingInfo(
        name=name,
        type="choice" if choices else _type_name(field.annotation),
        default=field.get_default(),
        help=field.description or "",
        group=str(extra.get("group", "search space")),
        range=" | ".join(choices) or _range(field),
        choices=choices,
    )


def _type_name(annotation: Any) -> str:
    plain = [kind for kind in typing.get_args(annotation) or (annotation,) if kind is not NoneType]
    return getattr(plain[0], "__name__", str(plain[0]))


def _range(field: FieldInfo) -> str:
    low = high = ""
    for bound in field.metadata:
        if (value := getattr(bound, "ge", None)) is not None:
            low = f"{value:g}"
        elif (value := getattr(bound, "gt", None)) is not None:
            low = f"above {value:g}"
        elif (value := getattr(bound, "le", None)) is not None:
            high = f"{value:g}"
        elif (value := getattr(bound, "lt", None)) is not None:
            high = f"below {value:g}"
    if low and high:
        return f"{low} … {high}"
    if low:
        return low if low.startswith("above") else f"{low} or more"
    return f"at most {high}" if high else ""
