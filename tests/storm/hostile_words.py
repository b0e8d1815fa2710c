"""Hostile command lines: text, numbers, paths and files for every option of every command."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from runs import catalogue
from tests.hostile import EVIL, SEQUENCES

NUMBERS = (
    *(
        "0",
        "1",
        "-1",
        "2",
        "3",
        "7",
        "1.5",
        "-0.0",
        "1e309",
        "-1e309",
        "nan",
        "inf",
        "1e-320",
        "0x10",
        "1_000",
        "٣",
        "²",
    ),
    *(
        "9" * 30,
        "9" * 5000,
        str(2**31),
        str(2**63 - 1),
        str(2**63),
        str(-(2**63)),
        "1e999999999",
        "0.1e",
        "+5",
        " 5 ",
        "५",
    ),
)
TEXT = (
    *(
        "",
        " ",
        "-",
        "--",
        "---",
        "-1",
        "=",
        "a=b",
        "true",
        "None",
        "null",
        "[]",
        "{}",
        "\\",
        "'",
        '"',
        "%s",
        "{0}",
        "$HOME",
    ),
    *(
        "~",
        "~nosuchuser/x",
        ".",
        "..",
        "../..",
        "*",
        "?",
        "[/x]",
        "[bold]",
        "\t",
        "a\nb",
        "\r",
        "\x7f",
        "\u202e",
        "e\u0301",
    ),
    *(
        "🙂",
        "長い",
        "A" * 300,
        "b" * 70_000,
        "\udcff",
        "\udc80name",
        "latest",
        "LATEST",
        "a b",
        "x/y",
        "/",
        "nul\x01",
        EVIL,
    ),
    *(word for word in SEQUENCES if "\0" not in word),
)
GENOTYPES = (
    *("DARTS_V2", "drnas_cifar10", "PR_DARTS_DL2", "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"),
    *(
        "|nor_conv_3x3~0|+|none~0",
        "|||",
        "Genotype(",
        "Genotype(normal=[], reduce=[])",
        "Genotype(normal=" + "[" * 2000,
    ),
    *('{"space": "nasbench201"}', '{"space": "nasbench201", "cells": []}', '{"space": 1}', "[" * 5000, "{" * 5000),
    *("Genotype(normal=[('sep_conv_3x3', 99)], normal_concat=[2], reduce=[], reduce_concat=[])", "__import__('os')"),
)
GLOBAL = ("--help", "-h", "--version", "--ascii", "--readonly", "--slow-line")
ODD = ("--frobnicate", "--json=1", "--", "-", "--home", "--home=", "-x", "--set", "--=", "--json", "--json")


@dataclass(frozen=True)
class Sandbox:
    """The folder in which hostile command lines work.

    Attributes:
        folder: the working folder.
        home: of the runs.
        runs: their ids.
        files: paths of every kind, in the folder or of devices.
    """

    folder: Path
    home: Path
    runs: tuple[str, ...]
    files: tuple[str, ...]


def sandbox(folder: Path, home: Path) -> Sandbox:
    """Fill a working folder with files of every kind."""
    folder.mkdir()
    contents = {
        "empty": b"",
        "zeros": bytes(5000),
        "binary.pt": bytes(range(256)) * 20,
        "half.json": b'{"space": "nasbench201", "cells"',
        "deep.json": b"[" * 100_000,
        "list.json": b"[1, 2, 3]",
        "good.toml": b'method = "drnas"\npreset = "quick"\nseed = 1\n[options]\nepochs = 2\n',
        "deep.toml": b"a = " + b"[" * 5000,
        "number.toml": b"seed = " + b"9" * 5000,
        "wrong.toml": b'method = 1\noptions = "x"\n[name]\nx = 1\n',
        "latin.toml": b'name = "\xe9"\n',
        "bom.toml": b'\xef\xbb\xbfmethod = "drnas"\n',
        "table.csv": b"arch,digits_test_200\n|none~0|+|none~0|none~1|+|none~0|none~1|none~2|,90\n",
        "odd.csv": b'arch,"digits_test_200\n1,2,3\n',
        "empty.csv": b"arch\n",
        "wide.csv": b"a," * 20_000 + b"\n",
        "pickle.pth": b"\x80\x04cos\nsystem\n(X\x02\x00\x00\x00idtR.",
        "broken.gz": b"\x1f\x8b\x08\x00broken",
        "n\udcff.csv": b"arch,x\n",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / "images" / "train" / "a").mkdir(parents=True)
    (folder / "images" / "train" / "a" / "0.png").write_bytes(b"not an image")
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nothing")
    os.mkfifo(folder / "pipe")
    inside = [*contents, "images", "folder", "loop", "dangling", "pipe", "missing", "missing/deep/er", "empty/below"]
    devices = ["/dev/null", "/dev/zero", "/dev/full", "/proc/self/mem", "/nowhere/at/all", "/dev/stdin"]
    runs = tuple(sorted(path.name for path in (home / "runs").iterdir()))
    files = (*inside, *(str(folder / name) for name in inside[:6]), *devices, "f" * 300, "d/" * 3000, *TEXT[:20])
    return Sandbox(folder, home, runs, files)


def line(words: tuple[str, ...], command: Any, place: Sandbox, dice: random.Random) -> list[str]:
    """Return a command line for a command: some options, some arguments, few of which are good."""
    made: list[list[str]] = []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            number = dice.choice([0, 1, 2, 3]) if parameter.nargs == -1 else int(dice.random() < 0.95)
            made += [[_value(parameter, place, dice)] for _ in range(number)]
        elif dice.random() < 0.3 and parameter.name != "help":
            for _ in range(dice.choice([1, 1, 2]) if parameter.multiple else 1):
                made.append(_option(parameter, place, dice))
    if dice.random() < 0.1:
        made.insert(dice.randint(0, len(made)), [dice.choice(ODD)])
    if dice.random() < 0.3:
        dice.shuffle(made)
    before = [dice.choice(GLOBAL)] if dice.random() < 0.03 else []
    return [*before, *words, *(word for part in made for word in part)]


def _option(parameter: Any, place: Sandbox, dice: random.Random) -> list[str]:
    name = dice.choice([*parameter.opts, *parameter.secondary_opts])
    if getattr(parameter, "is_flag", False):
        return [name]
    value = _value(parameter, place, dice)
    return [f"{name}={value}"] if name.startswith("--") and dice.random() < 0.3 else [name, value]


def _value(parameter: Any, place: Sandbox, dice: random.Random) -> str:
    if dice.random() < 0.25:
        return dice.choice(dice.choice((TEXT, NUMBERS, place.files)))
    kind = _kind(parameter)
    if isinstance(kind, list):
        return str(dice.choice(kind))
    if kind in ("int", "float"):
        return dice.choice(NUMBERS)
    if kind == "Path":
        return dice.choice(place.files)
    return dice.choice(_known(str(parameter.name), place, dice))


def _kind(parameter: Any) -> str | list[str]:
    """Return the name of the type of a parameter, or the words that it may be."""
    descriptor = getattr(parameter, "type_descriptor", None)
    if descriptor is None:  # an older typer, on click
        if choices := getattr(parameter.type, "choices", None):
            return [str(getattr(choice, "value", choice)) for choice in choices]
        return {"integer": "int", "path": "Path", "float": "float"}.get(parameter.type.name.split()[0], "str")
    annotation = (*get_args(descriptor.annotation), descriptor.annotation)[0]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(choice.value) for choice in annotation]
    return str(getattr(annotation, "__name__", "str"))


def _known(name: str, place: Sandbox, dice: random.Random) -> Sequence[str]:
    """Return words that an argument or option of this name could mean."""
    methods, spaces = list(catalogue.methods()), list(catalogue.spaces())
    match name:
        case "run" | "runs":
            return (*place.runs, *(run[:8] for run in place.runs), "latest", "f")
        case "genotype" | "a" | "b" | "arch" | "genotypes" | "architecture":
            return (*GENOTYPES, *place.runs, *place.files)
        case "method" | "methods":
            return methods
        case "space":
            return spaces
        case "dataset":
            return (*catalogue.datasets(), *place.files)
        case "preset":
            return ("paper", "quick", "public", "fast")
        case "device":
            return ("cpu", "auto", "cuda", "cuda:0", "cuda:99", "cuda:-1", "cpu:1", "mps")
        case "set_":
            fields = catalogue.options(catalogue.method("drnas"), catalogue.space("nasbench201")).model_fields
            return [f"{key}={dice.choice(NUMBERS)}" for key in fields]
        case "status":
            return ("finished", "running", "lost", "stopped", "x")
        case "kind":
            return ("epoch", "started", "x")
    return (*TEXT, *NUMBERS, *place.files, *methods[:2])
