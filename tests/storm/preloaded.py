"""Imports everything that engines and commands need, for the process whose copies they are."""

import gc
import importlib
import pkgutil

gc.disable()  # looking through what is imported takes a quarter of the time of importing it

OPTIONAL = ("nastui.serving", "engine.tools.onnx_file")  # need an extra

for _package in ("runs", "engine", "screens", "nastui"):
    for _module in pkgutil.walk_packages(importlib.import_module(_package).__path__, f"{_package}."):
        if not _module.name.endswith("__main__") and _module.name not in OPTIONAL:
            importlib.import_module(_module.name)
importlib.import_module("tests.storm.copies")
gc.freeze()  # a copy would look through all imported objects when it ends
gc.enable()
