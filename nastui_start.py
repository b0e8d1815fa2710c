"""Starts nastui's programs, and has its four packages found beside this file, whatever else has their names.

`engine`, `runs` and `screens` are common names. A module on PYTHONPATH may have one of them, and another distribution
in the same environment may even replace their `__init__.py`: PyPI's `runs` does. Importing this module puts a finder
before all others. It finds the four beside this file, and never executes an `__init__.py` that another distribution
could have replaced.

``python -P PATH/nastui_start.py MODULE ARGUMENTS...`` runs a module of theirs. So do all processes that nastui starts:
unlike a name, the path of a file cannot mean another file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import ModuleType

PACKAGES = ("nastui", "screens", "engine", "runs")
FILE = os.path.abspath(__file__)
FOLDER = os.path.dirname(FILE)
EXIT_CODE = 5  # of an environment that lacks something: see runs/errors.py, which may be what is missing


class _UnexecutedLoader(SourceFileLoader):
    """Loads a package whose `__init__.py` may belong to another distribution; ours have nothing but a docstring."""

    def exec_module(self, module: ModuleType) -> None:
        """Leave the package empty. Its modules are found in its folder."""


class _Finder:
    """Finds the four packages beside this file."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the specification of one of the four packages; None for every other module."""
        if name not in PACKAGES:
            return None
        folder = _folder(name)
        file = os.path.join(folder, "__init__.py")
        loader = None if name == "nastui" else _UnexecutedLoader(name, file)
        return spec_from_file_location(name, file, loader=loader, submodule_search_locations=[folder])


def main() -> None:
    """Run the command line: the console script."""

    def command_line() -> None:
        from nastui.cli import main as run

        run()

    try:
        _run(command_line)
    except KeyboardInterrupt:  # while modules were imported; later, the command itself answers
        sys.exit(130)


def damage() -> list[str]:
    """Return the files of the installed packages that are missing or that another distribution has replaced.

    Those that are never executed come last. Empty for packages that were not installed from a wheel, such as those of a
    working copy.
    """
    import base64
    import hashlib
    from importlib import metadata

    found = []
    for distribution in metadata.distributions(name="nastui", path=[FOLDER]):
        for file in distribution.files or ():
            if file.parts[0] not in PACKAGES or file.hash is None or file.hash.mode != "sha256":
                continue
            path = os.path.join(FOLDER, file)
            try:
                with open(path, "rb") as stream:
                    digest = hashlib.sha256(stream.read()).digest()
            except OSError:
                found.append(path)
                continue
            if base64.urlsafe_b64encode(digest).decode().rstrip("=") != file.hash.value:
                found.append(path)
    return sorted(found, key=lambda path: path.endswith("__init__.py"))


def others() -> list[str]:
    """Return the names of other distributions in this environment that install files into the four packages."""
    from importlib import metadata

    found = {
        distribution.metadata["Name"]
        for distribution in metadata.distributions(path=[FOLDER])
        if any(file.parts[0].removesuffix(".py") in PACKAGES for file in distribution.files or ())
    }
    return sorted(name for name in found if name and name.lower() != "nastui")


def _run(program: Callable[[], object]) -> None:
    """Run a program. If it fails because its files have been replaced, exit with a sentence that says which."""
    try:
        program()
    except Exception:
        if not (files := damage()):
            raise
        owners = f", most likely by '{', '.join(names)}'" if (names := others()) else ""
        sys.stderr.write(
            f"nastui: '{files[0]}' is not the file that nastui installed; it was replaced or removed{owners}. "
            "Install nastui in an environment of its own: uv tool install nastui, or pipx install nastui.\n"
        )
        sys.exit(EXIT_CODE)


def _folder(name: str) -> str:
    return os.path.join(FOLDER, name)


def _precede() -> None:
    """Put the finder first, and forget packages of these names that a start-up hook has already imported.

    Their modules keep working for whoever holds them.
    """
    sys.meta_path.insert(0, _Finder)
    for name in PACKAGES:
        module = sys.modules.get(name)
        if module is None or _is_ours(module, name):
            continue
        for loaded in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
            del sys.modules[loaded]


def _is_ours(module: ModuleType, name: str) -> bool:
    try:
        return any(os.path.samefile(place, _folder(name)) for place in module.__path__)
    except (AttributeError, OSError):
        return False


def _run_module() -> None:
    """Run the module that the command line names."""
    import runpy

    del sys.argv[0]  # runpy puts the module's file in the place of its name
    if not sys.argv:
        sys.exit(f"usage: {FILE} MODULE ARGUMENTS...")
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


_precede()
if __name__ == "__main__":
    sys.modules["nastui_start"] = sys.modules["__main__"]
    _run(_run_module)
