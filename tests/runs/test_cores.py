"""Cores: how many this process may use, and how many other processes keep busy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from runs.machine import cores

MINE = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
pytestmark = pytest.mark.skipif(not Path("/proc/stat").exists(), reason="needs /proc")


def proc_folder(folder: Path, busy: int, idle: int, processes: Mapping[int, tuple[int, int]]) -> Path:
    """Write a /proc whose cores were busy and idle for so many ticks; processes have a session and ticks."""
    folder.mkdir()
    lines = ["cpu 9 9 9 9 9 9 9 9 0 0"]
    lines += [f"cpu{core} {busy} 0 0 {idle} 0 0 0 0 0 0" for core in (*MINE, max(MINE) + 1)]
    (folder / "stat").write_text("\n".join([*lines, "intr 5"]) + "\n")
    (folder / "uptime").write_text("5.0 5.0\n")
    for pid, (session, ticks) in processes.items():
        (folder / str(pid)).mkdir()
        (folder / str(pid) / "stat").write_text(f"{pid} (a) name) R 1 1 {session} 0 -1 0 0 0 0 0 {ticks} 0 0 0 20\n")
    return folder


def test_the_processes_that_do_not_count_are_subtracted_with_their_sessions(tmp_path: Path) -> None:
    before = cores.sample(proc_folder(tmp_path / "before", 100, 100, {5: (5, 10), 6: (5, 0), 8: (1, 50)}))
    after = cores.sample(proc_folder(tmp_path / "after", 160, 140, {5: (5, 40), 6: (5, 10), 7: (5, 5), 8: (1, 65)}))
    assert before is not None and after is not None
    assert (before.cores, before.busy, before.total) == (len(MINE), 100 * len(MINE), 200 * len(MINE))
    every = cores.busy_cores(before, after, ())
    assert every == pytest.approx(0.6 * len(MINE)), "only the cores of this process count"
    window = 100
    assert cores.busy_cores(before, after, {5}) == pytest.approx(max(0.0, every - (30 + 10 + 5) / window))
    assert cores.busy_cores(before, after, {5, 8}) == pytest.approx(max(0.0, every - (45 + 15) / window))
    assert cores.busy_cores(after, after, ()) == 0.0, "no time has passed"


def test_no_sample_without_proc(tmp_path: Path) -> None:
    assert cores.sample(tmp_path) is None
    assert cores.sample() is not None


@pytest.mark.parametrize(
    ("line", "file", "content", "quota"),
    [
        ("0::/batch/job", "batch/job/cpu.max", "150000 100000", 1.5),
        ("0::/batch/job", "batch/cpu.max", "400000 100000", 4.0),
        ("0::/not/seen/inside/a/container", "cpu.max", "200000 100000", 2.0),
        ("0::/batch/job", "batch/job/cpu.max", "max 100000", None),
        ("3:cpu,cpuacct:/job", "cpu/job/cpu.cfs_quota_us", "50000", 0.5),
        ("3:cpu,cpuacct:/job", "cpu/job/cpu.cfs_quota_us", "-1", None),
        ("3:memory:/job", "job/cpu.max", "50000 100000", None),
        ("0::/", "cpu.max", "garbage", None),
    ],
)
def test_control_groups_limit_the_cores(
    tmp_path: Path, line: str, file: str, content: str, quota: float | None
) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(line + "\n")
    (groups / file).parent.mkdir(parents=True)
    (groups / file).write_text(content + "\n")
    (groups / file).with_name("cpu.cfs_period_us").write_text("100000\n")
    assert cores.cgroup_quota(proc, groups) == quota


def test_a_quota_allows_whole_cores_and_at_least_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for quota, allowed in ((None, len(MINE)), (0.5, 1), (1.9, 1), (1000.0, len(MINE))):
        monkeypatch.setattr(cores, "cgroup_quota", lambda quota=quota: quota)
        assert cores.allowed() == allowed
