"""A method that gets stuck inside a unit of work when a file in its folder says so, the catalogue part."""

import dataclasses

import budget_search

METHOD = dataclasses.replace(budget_search.METHOD, name="stuck", engine="stuck_search_engine:StuckSearch")
