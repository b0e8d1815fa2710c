"""The filter as commands read it: strictly, because they act on every run that passes."""

from __future__ import annotations

import pytest

from runs.errors import UsageError
from runs.home import Home
from runs.store.filter import RunFilter, Texts
from runs.store.run_store import RunStore
from tests.synthetic import make_run


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The filter is empty."),
        ("   ", "The filter is empty."),
        ("stauts:lost", "The filter has no field 'stauts'. Did you mean 'status'?"),
        ("method: status:lost", "The filter's 'method:' has no value."),
        ("bst<90", "The filter compares no 'bst'. Did you mean 'best'?"),
        ("best<", "'best<' compares with no number."),
        ("best<many", "'best<many' compares with no number."),
        ("best<nan", "'best<nan' compares with no number."),
        ("best<1e9", "'best<1e9' compares with no number."),
    ],
)
def test_a_slip_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        RunFilter.parse_strictly(text)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize("word", ["method:drnas", "best<90", "seed=3", "status:lost best>1", "nothing:at all"])
def test_a_word_that_no_run_has_as_its_id_is_a_filter(word: str) -> None:
    assert RunFilter.is_meant(word)


@pytest.mark.parametrize("word", ["latest", "a1b2c3d4", "a1b2c3d4-drnas-nasbench201"])
def test_ids_are_no_filter(word: str) -> None:
    assert not RunFilter.is_meant(word)


def test_runs_are_found_by_their_sweep_and_their_group(home: Home) -> None:
    make_run(home.root, name="first", sweep="a1b2c3d4")
    make_run(home.root, name="second")
    records = RunStore(home).records()

    def found(text: str) -> list[str]:
        return [record.labels.name for record in records if RunFilter.parse_strictly(text).matches(record, Texts())]

    assert found("sweep:a1b2") == ["first"]
    group = records[0].head["group"]
    assert set(found(f"group:{group}")) == {"first", "second"}
    assert found(group) == []
