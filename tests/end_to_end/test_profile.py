"""``nastui profile`` keeps its measurements, and forms use them for estimates."""

from __future__ import annotations

import json

from runs.configuration import Draft, resolve
from runs.cost import measurements
from runs.cost.estimates import estimate
from tests.end_to_end.conftest import Cli


def test_figures_of_bench_are_what_forms_estimate_by(cli: Cli) -> None:
    printed = cli.json("profile", "rsws", "--preset", "quick", "--device", "cpu")
    kept = measurements.read(cli.home)
    assert [json.loads(figure.model_dump_json()) for figure in kept] == printed
    found = estimate(resolve(Draft(method="rsws", preset="quick", device="cpu", seed=7)), "", [], kept)
    assert found is not None
    assert found.seconds == printed[0]["estimated_seconds"] > 1
    refused = cli("profile", "local_search", "--preset", "paper", "--device", "cpu", code=2)
    assert "only looks up a table" in refused.stderr
