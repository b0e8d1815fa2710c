"""The ranks of processes that srun has started."""

from __future__ import annotations

import pytest

from engine.core.slurm_step import first_node, tasks_per_node, variables

# As Slurm 22.05 sets them for the sixth of seven processes.
STEP = {
    "SLURM_JOB_ID": "31",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "7",
    "SLURM_STEP_NODELIST": "gpu[017-018]",
    "SLURM_STEP_TASKS_PER_NODE": "4,3",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
}


def test_slurms_variables_become_those_of_torchrun() -> None:
    assert variables(STEP, 7) == {
        "RANK": "5",
        "WORLD_SIZE": "7",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "3",
        "MASTER_ADDR": "gpu017",
        "MASTER_PORT": "15031",
    }


def test_one_node_needs_no_name() -> None:
    alone = STEP | {"SLURM_STEP_TASKS_PER_NODE": "7", "SLURM_NODEID": "0"}
    assert variables(alone, 7)["MASTER_ADDR"] == "127.0.0.1"


def test_an_address_that_is_given_stays() -> None:
    assert variables(STEP | {"MASTER_ADDR": "ib17", "MASTER_PORT": "4000"}, 7).items() >= {
        ("MASTER_ADDR", "ib17"),
        ("MASTER_PORT", "4000"),
    }


@pytest.mark.parametrize(
    ("changes", "processes"),
    [({"RANK": "0"}, 7), ({}, 1), ({}, 2), ({"SLURM_STEP_TASKS_PER_NODE": "x"}, 7), ({"SLURM_NODEID": "2"}, 7)],
)
def test_a_step_that_is_not_the_runs_own_has_no_ranks(changes: dict[str, str], processes: int) -> None:
    assert variables(STEP | changes, processes) == {}


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("node17", "node17"),
        ("gpu[017-020,3],fat1", "gpu017"),
        ("gpu[3,017-020]", "gpu3"),
        ("rack[1-2]n[03-4].hpc", "rack1n03.hpc"),
        ("a1,b[1-2]", "a1"),
    ],
)
def test_the_first_node_of_a_list(nodes: str, first: str) -> None:
    assert first_node(nodes) == first


def test_the_tasks_of_each_node() -> None:
    assert tasks_per_node("4(x2),3") == [4, 4, 3]
