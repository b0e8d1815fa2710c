"""The command line: one file per group of commands. Slow imports happen where they are used."""

from nastui.cli.application import main

__all__ = ["main"]
