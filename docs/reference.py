"""Generate the reference pages of the documentation from the code: ``python docs/reference.py``.

The pages go into ``docs/reference/``, which git ignores: whoever builds the site generates them first. They list every
command with its options, every hyperparameter of every method, the settings of ``config.toml``, spaces, data sets, and
the events of a run with their JSON schema. ``python docs/reference.py FOLDER`` writes them elsewhere.
``python docs/reference.py --man`` prints the manual page, which is kept as ``docs/nastui.1`` for the wheel.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic import TypeAdapter

import nastui
from nastui.cli.application import app
from nastui.cli.command_help import in_words
from nastui.cli.command_words import value_name
from nastui.cli.examples import EXAMPLES
from runs import catalogue
from runs.catalogue import Method
from runs.catalogue.settings import describe
from runs.configuration import RunConfig
from runs.log import events
from runs.notify.settings import EVENTS, KEYS, NotifySettings
from runs.slurm.profile import Profile
from screens.settings import Settings

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
NOTE = "This page is generated from the code by `docs/reference.py`.\n"


def pages() -> dict[str, str]:
    """Return the content of every generated file by its name in ``docs/reference/``."""
    found = {
        "commands.md": commands_page(),
        "hyperparameters.md": hyperparameters_page(),
        "catalogue.md": catalogue_page(),
        "configuration.md": configuration_page(),
        "events.md": events_page(),
        "event.schema.json": event_schema(),
        "config.schema.json": schema(RunConfig.model_json_schema()),
        "changelog.md": moved("CHANGELOG.md"),
        "contributing.md": moved("CONTRIBUTING.md"),
    }
    for method in every_method():
        found[f"methods/{method.name}.md"] = method_page(method)
    return found


def write(folder: Path) -> None:
    """Write every generated file into a folder."""
    for name, content in pages().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


# Markdown


def cell(value: object) -> str:
    """Return a value as the cell of a table."""
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; an empty one is left out."""
    lines = [" | ".join(map(cell, row)) for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def code(value: object) -> str:
    """Return a value as code; nothing for an empty one."""
    return f"`{value}`" if str(value) else ""


def page(*parts: str) -> str:
    """Return a page of Markdown with an empty line between its parts."""
    return "\n".join(part.rstrip("\n") + "\n" for part in parts if part)


def documented(kind: type) -> dict[str, str]:
    """Return what the docstring of a class says about each of its attributes."""
    text = re.split(r"\n\s*Attributes:\n", kind.__doc__ or "")
    found = {}
    for entry in re.split(r"\n(?=\S)", textwrap.dedent(text[1])) if len(text) > 1 else ():
        names, _, said = entry.partition(":")
        for name in names.split(","):
            found[name.strip()] = rst(said)
    return found


def rst(text: str) -> str:
    """Return a text of a docstring as Markdown."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    return " ".join(text.replace("``", "`").split())


# Commands


def tree(words: tuple[str, ...] = (), command: Any = None) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command and group with its words; the empty tuple is ``nastui`` itself."""
    command = command or typer.main.get_command(app)
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        if not getattr(below, "hidden", False):
            yield from tree((*words, name), below)


def parameters(words: Sequence[str], command: Any) -> Iterator[tuple[str, str]]:
    """Yield the arguments and options of a command as they are typed, with what they do."""
    context = context_of(words, command)
    for parameter in command.get_params(context):
        parameter.metavar = value_name(parameter, context)
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            typed = parameter.metavar if parameter.param_type_name == "argument" else record[0]
            yield typed, " ".join(in_words(record[1]).split())


def context_of(words: Sequence[str], command: Any) -> Any:
    """Return a context in which a command can be described."""
    return command.make_context(" ".join(("nastui", *words)), [], resilient_parsing=True)


def usage(words: Sequence[str], command: Any) -> str:
    """Return the usage of a command on one line."""
    return " ".join(("nastui", *words, *command.collect_usage_pieces(context_of(words, command))))


def commands_page() -> str:
    """Return the page of all commands with their options."""
    parts = [
        "# Commands and options",
        NOTE,
        "[Command line](../cli.md) has the exit codes, the signals and what all commands have in common.",
    ]
    for words, command in tree():
        title = " ".join(("nastui", *words))
        parts += [f"{'###' if len(words) > 1 else '##'} {title}", rst_paragraphs(command.help or "")]
        parts.append(f"```text\n{usage(words, command)}\n```")
        listed = list(parameters(words, command))
        if listed:
            parts.append(table(["to type", "what it does"], ((code(typed), said) for typed, said in listed)))
        if examples := EXAMPLES.get(" ".join(words)):
            parts.append("\n".join(["```text", *examples, "```"]))
    return page(*parts)


def rst_paragraphs(text: str) -> str:
    """Return the help of a command as Markdown."""
    return "\n\n".join(rst(paragraph).replace("<", "&lt;") for paragraph in text.split("\n\n"))


def man_page() -> str:
    """Return the manual page: every command with its options, the exit codes and the environment variables."""
    lines = [f'.TH NASTUI 1 "" "nastui {nastui.__version__}" "User Commands"']
    commands = list(tree())
    lines += [".SH NAME", "nastui \\- run, watch and retrain neural architecture searches"]
    lines += [".SH SYNOPSIS", roff(usage(*commands[0])), ".SH DESCRIPTION", *roff_paragraphs(commands[0][1].help)]
    lines += [".SH OPTIONS", *_entries(parameters(*commands[0]))]
    lines.append(".SH COMMANDS")
    for words, command in commands[1:]:
        lines += [f".SS {roff(usage(words, command))}", *roff_paragraphs(command.help)]
        lines += _entries(parameters(words, command))
    lines += [".SH EXIT STATUS", *_entries(re.findall(r"^\| (\d[^|]*?) \| (.+) \|$", _cli_page(), re.MULTILINE))]
    lines += [".SH ENVIRONMENT", *_entries((name, rst(said)) for name, said in VARIABLES.items())]
    lines += [".SH EXAMPLES", ".nf", *map(roff, EXAMPLES[""]), ".fi"]
    return "\n".join(lines) + "\n"


def _cli_page() -> str:
    return (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def _entries(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [line for typed, said in pairs for line in (".TP", f"\\fB{roff(typed)}\\fR", roff(said))]


def roff_paragraphs(text: str | None) -> list[str]:
    """Return the help of a command as lines of a manual page."""
    return [line for paragraph in (text or "").split("\n\n") for line in (".PP", roff(rst(paragraph)))]


def roff(text: str) -> str:
    """Return a text as one line of a manual page, without markup."""
    text = text.replace("`", "").replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


# The catalogue


def every_method() -> list[Method]:
    """Return the search methods, and then what trains a network."""
    return [*catalogue.methods().values(), catalogue.trainer()]


def hyperparameters_page() -> str:
    """Return the page that leads to the hyperparameters of each method."""
    return page(
        "# Hyperparameters",
        NOTE,
        "`--set KEY=VALUE` changes any of these for one run. The tables have the type, the range, the default and the "
        "value of the paper. `nastui methods NAME` prints the same.",
        table(
            ["method", "what it does", "spaces", "presets"],
            (
                [
                    f"[{method.name}](methods/{method.name}.md)",
                    method.summary,
                    ", ".join(map(code, method.spaces)),
                    ", ".join(code(name) for name in dict.fromkeys(preset.name for preset in method.presets)),
                ]
                for method in every_method()
            ),
        ),
    )


def method_page(method: Method) -> str:
    """Return the page of a method: presets and hyperparameters in each of its spaces."""
    parts = [
        f"# {method.name}",
        NOTE,
        method.summary,
        f"Reference: {method.reference}",
        f"Cost: {method.cost}",
        explained(method.name),
        "## Presets",
        table(
            ["preset", "space", "data set", "what it is for"],
            ([code(p.name), code(p.space), code(p.dataset), p.summary] for p in method.presets),
        ),
    ]
    if method.requests:
        parts += ["## Requests", "For `nastui runs ask`:", table(["request", "what it does"], method.requests.items())]
    for space in method.spaces:
        shown = next(preset for preset in method.presets if preset.space == space)
        parts.append(f"## Hyperparameters in the space {space}")
        parts.append(
            table(
                ["key", "type", "range", "default", shown.name, "what it is"],
                (
                    [
                        code(info.name),
                        info.type,
                        info.range,
                        code(info.default),
                        code(shown.values.get(info.name, info.default)),
                        info.help,
                    ]
                    for info in describe(catalogue.options(method, catalogue.space(space)))
                ),
            )
        )
    return page(*parts)


def explained(method: str) -> str:
    """Return a link to the page that explains a method, according to ``docs/methods/README.md``; empty without one."""
    text = (ROOT / "docs" / "methods" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(.+?)\]\((.+?)\) \| (.+) \|$", text, re.MULTILINE)
    found = next(((title, page) for title, page, names in rows if f"`{method}`" in names), None)
    return f"What it computes: [{found[0]}](../../methods/{found[1]})." if found else ""


def catalogue_page() -> str:
    """Return the page of spaces and data sets."""
    return page(
        "# Spaces and data sets",
        NOTE,
        "## Spaces",
        table(
            ["space", "what it is", "cells", "edges", "operations"],
            (
                [code(s.name), s.summary, ", ".join(s.cells), len(s.edges), ", ".join(map(code, s.operations))]
                for s in catalogue.spaces().values()
            ),
        ),
        "## Data sets",
        "The path of an image folder is a data set, too: see [Your own images](../howto/images.md).",
        table(
            ["data set", "what it is", "classes", "training images", "test images", "side", "how to get it"],
            (
                [code(d.name), d.summary, d.classes or "", d.train or "", d.test or "", d.size or "", d.obtain]
                for d in catalogue.datasets().values()
            ),
        ),
    )


# Settings

# The environment variables, each with what it is for. tests/house/test_site.py compares them with the code.
VARIABLES = {
    "NASTUI_HOME": "The folder in which runs are stored; `--home FOLDER` overrides it.",
    "NASTUI_DATASETS": "The folder of the data sets, if several homes share one. Default: `datasets` in the home.",
    "NASTUI_PLUGINS": "Modules with further methods, spaces and data sets, with commas between them.",
    "NASTUI_ASCII": "`1` draws with ASCII characters only, as `--ascii` does.",
    "NASTUI_STALLED_AFTER": "The seconds without progress after which a live run may be called stalled. Default: 300.",
    "NASTUI_TOKEN": "The token that visitors of `nastui serve` need, if it listens on another address than loopback.",
    "NO_COLOR": "Any value: no colours.",
    "OMP_NUM_THREADS": "The CPU threads of an engine, unless `--set threads=N` names them.",
}


def configuration_page() -> str:
    """Return the page of config.toml and of the environment variables."""
    known, profile, notify = documented(Settings), documented(Profile), documented(NotifySettings)
    names = [field.name for field in dataclasses.fields(Settings) if field.name != "desktop"]
    told = {"webhook": "webhooks"}
    return page(
        "# Configuration",
        NOTE,
        "Permanent settings are in `config.toml`: in the home if it has one, else in your platform's configuration "
        "folder. `nastui doctor` names the file. Options of the command line override it.",
        "## The dashboard",
        table(["key", "what it is"], ([code(name), known[name]] for name in names)),
        "`[keys]` assigns keys: [Keys](../keys.md) lists the names.",
        "## [notify]",
        f"See [Notifications](../notifications.md). Events: {', '.join(map(code, EVENTS))}.",
        table(["key", "what it is"], ([code(key), notify[told.get(key, key)]] for key in KEYS)),
        "## [slurm.NAME]",
        "See [Slurm](../slurm.md).",
        table(
            ["key", "default", "what it is"],
            (
                [code(name), code(field.default or ""), profile[name]]
                for name, field in Profile.model_fields.items()
                if name != "name"
            ),
        ),
        "## Environment variables",
        table(["variable", "what it is for"], ((code(name), said) for name, said in VARIABLES.items())),
        "The program of `[notify] command` gets further ones: see [Notifications](../notifications.md#command).",
    )


# Events


def events_page() -> str:
    """Return the page of all events of a run."""
    parts = [
        "# Events and files of a run",
        NOTE,
        "`events.jsonl` has one JSON object per line: `v` (the schema), `t` (seconds since 1970), `n` (a counter), "
        "`type`, and the fields of the type. `nastui runs events RUN --json` prints them as schema "
        f"{events.PRINTED_VERSION}, in which an edge is a text such as `3←1`; the file has schema "
        f"{events.SCHEMA_VERSION}, with edges as `[source, target]`.",
        "Fields are added, never renamed or removed; readers ignore types and fields that they do not know. "
        "[event.schema.json](event.schema.json) is the JSON schema of the events in the file, "
        "[config.schema.json](config.schema.json) that of `config.json`.",
    ]
    for kind in payloads():
        said, hints = documented(kind), kind.__annotations__
        parts += [f"## {kind.type}", rst(re.split(r"\n\s*Attributes:\n", kind.__doc__ or "")[0])]
        rows = [
            [code(field.name), code(type_name(hints[field.name])), said.get(field.name, "")]
            for field in dataclasses.fields(kind)
        ]
        parts.append(table(["field", "type", "what it is"], rows) if rows else "It has no fields.")
    parts += ["## CellSnapshot", rst(re.split(r"\n\s*Attributes:\n", events.CellSnapshot.__doc__ or "")[0])]
    parts.append(table(["field", "what it is"], ([code(k), v] for k, v in documented(events.CellSnapshot).items())))
    return page(*parts)


def payloads() -> list[type[events.Event]]:
    """Return the types of events, in the order in which the code lists them."""
    kinds = {kind.type: kind for kind in events.Event.__subclasses__()}
    return [kinds[name] for name in events.EVENT_TYPES]


def type_name(annotation: object) -> str:
    """Return the type of a field as a reader of JSON knows it."""
    text = re.sub(r"Annotated\[(\w+), AfterValidator\(\w+\)\]", r"\1", str(annotation))
    for ours, plain in (("Seconds", "float"), ("Measured", "float"), ("Epochs", "int"), ("Count", "int")):
        text = text.replace(ours, plain)
    return text.replace("dict[str, Any]", "object").replace("dict[", "object[").replace(" | None", " or null")


def event_schema() -> str:
    """Return the JSON schema of a line of ``events.jsonl``."""
    common = {"v": {"type": "integer"}, "t": {"type": "number"}, "n": {"type": "integer"}}
    found: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {}, "oneOf": []}
    for kind in payloads():
        one = TypeAdapter(kind).json_schema(ref_template="#/$defs/{model}")
        found["$defs"] |= one.pop("$defs", {})
        one["properties"] = common | {"type": {"const": kind.type}} | one.get("properties", {})
        one["required"] = ["v", "t", "n", "type"]
        one["description"] = rst(re.split(r"\n\s*Attributes:\n", kind.__doc__ or "")[0])
        found["oneOf"].append(one)
    return schema(found)


def schema(content: dict[str, Any]) -> str:
    """Return a JSON schema as text."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


# Pages of the repository that lie outside of docs/


def moved(name: str) -> str:
    """Return a page from the root of the repository with its links as seen from ``docs/reference/``."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](../", text)
    return re.sub(r"\]\(README\.md", "](../index.md", text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--man"]:
        sys.stdout.write(man_page())
    else:
        write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
