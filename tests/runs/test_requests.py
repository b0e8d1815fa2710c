"""Requests are taken in order and once, and other files in their folder do not matter."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.errors import EnvironmentLacksError
from runs.store import requests
from runs.store.requests import MethodRequest, Request

WISHES = st.sampled_from(list(Request)) | st.from_regex(r"[a-z0-9-]+", fullmatch=True).map(
    lambda name: MethodRequest(name[:40])
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "requests"


def test_nothing_waits_where_there_is_no_folder(folder: Path) -> None:
    assert requests.take(folder) == requests.waiting(folder) == []
    requests.clear(folder)


@given(wishes=st.lists(WISHES, max_size=10))
def test_taken_in_the_order_they_were_sent(
    tmp_path_factory: pytest.TempPathFactory, wishes: list[Request | MethodRequest]
) -> None:
    folder = tmp_path_factory.mktemp("requests")
    for wish in wishes:
        requests.send(folder, wish)
    assert requests.waiting(folder) == wishes
    assert requests.take(folder) == wishes
    assert requests.take(folder) == requests.waiting(folder) == []


def test_looking_takes_nothing(folder: Path) -> None:
    requests.send(folder, Request.STOP)
    assert requests.waiting(folder) == requests.waiting(folder) == [Request.STOP]


def test_clearing_forgets_them(folder: Path) -> None:
    requests.send(folder, Request.PAUSE)
    requests.clear(folder)
    assert requests.take(folder) == []


def test_files_that_are_no_requests_are_left_alone(folder: Path) -> None:
    requests.send(folder, Request.PAUSE)
    junk = [".1.stop", "notes.txt", "1.stopp", "1.", "[red].x", "1.pause.swp", "1.ask-", "1.ask-[red]"]
    for name in junk:
        (folder / name).write_text("?")
    (folder / "0.stop").mkdir()
    requests.send(folder, Request.CONTINUE)
    assert requests.take(folder) == [Request.PAUSE, Request.CONTINUE]
    assert {entry.name for entry in folder.iterdir()} == {*junk, "0.stop"}


def test_a_request_that_cannot_be_left_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requests").touch()
    with pytest.raises(EnvironmentLacksError, match="cannot be written"):
        requests.send(tmp_path / "requests", Request.STOP)
