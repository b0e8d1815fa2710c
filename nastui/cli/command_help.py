"""Groups and commands as nastui shows them: options and commands in panels, examples, and no types of Python.

Typer would draw its panels with rich, which takes as long to import as everything else that ``nastui --help`` needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from nastui.cli.command_words import first_line, value_name, words_of

Function = TypeVar("Function", bound=Callable[..., Any])

_WIDEST = 26  # of the names beside which a text begins


class Command(TyperCommand):
    """A command."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line: upper-case words stand for what to type, brackets for what may be left
        out.
        """
        return ["[OPTIONS]", *(_usage(parameter, ctx) for parameter in self.get_params(ctx) if _is_argument(parameter))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, and the options by panel."""
        _write_parameters(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _write_examples(ctx, formatter)
        super().format_epilog(ctx, formatter)


class Group(TyperGroup):
    """A group of commands; an unknown command is answered with the command line that does what its name says."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the words name.

        Raises:
            UsageError: there is none.
        """
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            from nastui.cli.suggestions import unknown_command

            raise unknown_command(words_of(ctx), args, self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands by panel, and below them the options."""
        self.format_commands(ctx, formatter)
        _write_parameters(self, ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each command with the whole first line of its help."""
        _write_panels(formatter, ((panel or "Commands", (name, help_)) for name, panel, help_ in self.summaries(ctx)))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, then the epilog."""
        _write_examples(ctx, formatter)
        super().format_epilog(ctx, formatter)

    def summaries(self, ctx: Any) -> Iterable[tuple[str, str, str]]:
        """Return the name, the panel and the first line of the help of each command."""
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            if not command.hidden:
                yield name, command.rich_help_panel, first_line(command.help)


class Commands(typer.Typer):
    """A typer application of such commands."""

    def __init__(self, **settings: Any) -> None:
        shown: dict[str, Any] = {"cls": Group, "add_completion": False, "rich_markup_mode": None}
        super().__init__(**shown | settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Function], Function]:
        """Register a function as a command. Arguments: those of :meth:`typer.Typer.command`."""
        return super().command(name, cls=Command, **settings)


def _usage(parameter: Any, context: Any) -> str:
    name = value_name(parameter, context)
    return name if parameter.required else f"[{name}]"


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _write_parameters(command: Any, context: Any, formatter: Any) -> None:
    panels = []
    for parameter in command.get_params(context):
        parameter.metavar = value_name(parameter, context)
        if (record := parameter.get_help_record(context)) is not None:
            is_argument = _is_argument(parameter)
            name, text = parameter.metavar if is_argument else record[0], in_words(record[1])
            panel = "Arguments" if is_argument else getattr(parameter, "rich_help_panel", None) or "Options"
            panels.append((panel, (name, text)))
    _write_panels(formatter, panels)


def in_words(text: str) -> str:
    """Return a help text with its range of numbers in words."""
    text = re.sub(r"(\S+)<=x<=([^\s\];]+)", r"\1 to \2", text)
    return re.sub(r"x>=([^\s\];]+)", r"at least \1", text).replace("  [required]", "").replace("; required]", "]")


def _write_panels(formatter: Any, rows: Iterable[tuple[str, tuple[str, str]]]) -> None:
    """Write rows under the headings of their panels, in the order in which these first appear."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for panel, row in rows:
        panels.setdefault(panel, []).append(row)
    # All panels have one second column, beside which longer names stand alone.
    width = min(_WIDEST, max((len(name) for shown in panels.values() for name, _ in shown), default=0))
    for panel, shown in panels.items():
        with formatter.section(panel):
            formatter.write_dl([(name.ljust(width), text) for name, text in shown], col_max=_WIDEST)


def _write_examples(context: Any, formatter: Any) -> None:
    from nastui.cli.examples import EXAMPLES

    if lines := EXAMPLES.get(" ".join(words_of(context))):
        with formatter.section("Examples"):
            for line in lines:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
