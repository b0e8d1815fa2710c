"""The environment of subprocesses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runs import processes
from runs.processes import allocation, environment
from tests.runs.processes import output


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(processes, "_glibc", lambda: (2, 36))
    path = tmp_path / "enabled"
    path.write_text("always [madvise] never\n")
    return path


def test_huge_pages_are_asked_for(offered: Path) -> None:
    wanted = allocation({}, offered)["GLIBC_TUNABLES"].split(":")
    assert "glibc.malloc.hugetlb=1" in wanted and len(wanted) == 4
    offered.write_text("[always] madvise never\n")
    assert allocation({}, offered)


@pytest.mark.parametrize("given", ["", "glibc.malloc.hugetlb=0"])
def test_what_the_user_has_set_is_kept(offered: Path, given: str) -> None:
    assert allocation({"GLIBC_TUNABLES": given}, offered) == {}


def test_nothing_is_set_where_the_kernel_gives_no_huge_pages(offered: Path) -> None:
    offered.write_text("always madvise [never]\n")
    assert allocation({}, offered) == {}
    assert allocation({}, offered.with_name("absent")) == {}


@pytest.mark.parametrize("version", ["glibc 2.34", "musl 1.2", "glibc odd", "", None])
def test_nothing_is_set_for_other_c_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    path = tmp_path / "enabled"
    path.write_text("[always] madvise never\n")
    monkeypatch.setattr(os, "confstr", lambda name: version)
    assert allocation({}, path) == {}


def test_the_value_of_the_user_reaches_the_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    monkeypatch.setenv("PYTHONSAFEPATH", "")
    assert environment()["GLIBC_TUNABLES"] == "glibc.malloc.check=0"
    assert environment()["PYTHONSAFEPATH"] == "1"


def test_a_process_starts_with_these_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    script = """
import json, os, subprocess, sys
from runs.processes import environment
program = "import json, os; print(json.dumps(os.environ.get('GLIBC_TUNABLES')))"
subprocess.run([sys.executable, "-c", program], env=environment(), check=True)
"""
    assert json.loads(output(script)) == environment().get("GLIBC_TUNABLES")
