"""Imports of results of the public repositories: see docs/imports.md."""
