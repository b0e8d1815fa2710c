"""Fills `.gpu/wheels` with what a GPU machine without a network lacks, so that `run.sh` can test and measure there.

    python tests/gpu/acceptance/prepare.py --python 3.12 --has torch==2.11.0 torchvision scipy --data FILE...

The machine is expected to be x86-64 Linux with the packages of `--has` and everything that these need. pip resolves the
rest for its Python and downloads wheels only. Then copy the working tree, `.gpu` included, to the machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
GPU = ROOT / ".gpu"
# Of the extra `dev`, what the tests of a GPU import, and what the settings of pytest need.
OF_TESTS = ("pytest", "pytest-asyncio", "pytest-timeout", "pytest-xdist", "hypothesis", "psutil")
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in range(39, 4, -1)] + ["manylinux2014_x86_64"]


def main() -> None:
    """Resolve, leave out what the machine has, and download."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="3.12", help="the machine's version of Python; default 3.12")
    parser.add_argument(
        "--has", nargs="*", default=["torch", "torchvision"], help="packages on the machine, with or without ==VERSION"
    )
    parser.add_argument("--pin", nargs="*", default=[], help="versions to prefer, such as one with a smaller wheel")
    parser.add_argument("--data", nargs="*", type=Path, default=[], help="files to copy into .gpu, for `run.sh search`")
    options = parser.parse_args()
    target = ["--python-version", options.python, "--implementation", "cp", "--only-binary=:all:"]
    target += [word for platform in PLATFORMS for word in ("--platform", platform)]
    missing = needed(options.has, resolved([*wanted(), *options.has, *options.pin], target))
    shutil.rmtree(GPU / "wheels", ignore_errors=True)
    (GPU / "wheels").mkdir(parents=True)
    pip("download", "--no-deps", "--dest", str(GPU / "wheels"), *target, *missing)
    for file in options.data:
        shutil.copyfile(file, GPU / file.name)
    files = [path for path in GPU.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 2**20
    print(f"{len(missing)} wheels for Python {options.python}; .gpu holds {len(files)} files, {size:.1f} MiB")


def wanted() -> list[str]:
    """Return the requirements of nastui and of the tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    of_tests = [line for line in project["optional-dependencies"]["dev"] if Requirement(line).name in OF_TESTS]
    return [*project["dependencies"], *of_tests]


def resolved(requirements: list[str], target: list[str]) -> dict[str, Any]:
    """Return pip's report on everything that the requirements need on the machine, by name."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = ["--dry-run", "--ignore-installed", "--target", folder, "--report", str(report)]
        pip("install", *words, *target, *requirements)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {canonicalize_name(one["metadata"]["name"]): one["metadata"] for one in found}


def needed(has: Iterable[str], packages: dict[str, Any]) -> list[str]:
    """Return NAME==VERSION of every package, except those on the machine and all that these need."""
    waiting = [Requirement(one) for one in has]
    there: set[tuple[str, str]] = set()  # names, each with no extra and with every extra that is asked for
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if name in packages and (name, extra) not in there:
                there.add((name, extra))
                others = map(Requirement, packages[name].get("requires_dist", []))
                waiting += [one for one in others if one.marker is None or one.marker.evaluate({"extra": extra})]
    return sorted(f"{name}=={found['version']}" for name, found in packages.items() if (name, "") not in there)


def pip(*words: str) -> None:
    """Run pip; its messages go to the terminal."""
    subprocess.run([sys.executable, "-m", "pip", *words, "--quiet", "--disable-pip-version-check"], check=True)


if __name__ == "__main__":
    main()
