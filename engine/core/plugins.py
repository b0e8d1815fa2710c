"""Imports objects by the catalogue's references, ``package.module:attribute``."""

from __future__ import annotations

import importlib
from typing import Any

from runs.errors import EnvironmentLacksError


def attribute(reference: str) -> Any:
    """Return the object that a reference in the catalogue names.

    Raises:
        EnvironmentLacksError: the module or the attribute of a plug-in is missing.
    """
    module, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise EnvironmentLacksError(
            f"'{reference}' cannot be loaded: {error}.", "Check NASTUI_PLUGINS and PYTHONPATH."
        ) from error
