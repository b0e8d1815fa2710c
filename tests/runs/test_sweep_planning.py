"""A sweep is checked before anything of it is written."""

from __future__ import annotations

import pytest

from runs.configuration import Draft
from runs.errors import UsageError
from runs.fleet import sweep_planning
from runs.home import Home
from runs.store.run_store import RunStore
from tests.runs.sweeps import DRAFT


@pytest.mark.parametrize(
    "draft", [DRAFT.model_copy(update={"tags": ("a b",)}), DRAFT.model_copy(update={"name": "\1"})]
)
def test_bad_labels_are_refused_before_anything_is_created(home: Home, draft: Draft) -> None:
    with pytest.raises(UsageError):
        sweep_planning.plan(RunStore(home), draft, range(2), {})
    assert not home.sweeps.exists()
