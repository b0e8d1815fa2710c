"""Importing what the catalogue names: ``package.module:attribute``."""

from __future__ import annotations

import importlib
from typing import Any

from runs.errors import EnvironmentLacksError


def attribute(reference: str) -> Any:
    """Return the object that a reference of the catalogue names.

    Raises:
        EnvironmentLacksError: a plugin's module or attribute is not there.
    """
    module, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise EnvironmentLacksError(
            f"'{reference}' cannot be loaded: {error}.", "Check NASTUI_PLUGINS and PYTHONPATH."
        ) from error
