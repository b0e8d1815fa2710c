"""Which waiting run gets which device, and what the others are told."""

from __future__ import annotations

from typing import Any

from runs.fleet.placement import Decision, Use, place
from runs.machine.devices import Gpu
from runs.store.queue import Entry

GB = 10**9


def gpus(*free: float, total: float = 80) -> list[Gpu]:
    return [Gpu(index, "A card", int((total - each) * GB), int(total * GB), 0) for index, each in enumerate(free)]


def run(name: str, device: str = "cuda", **values: Any) -> Entry:
    return Entry(run=name, device=device, **values)


def placed(entries: list[Entry], cards: list[Gpu], uses: dict[str, Use] | None = None, slots: int = 1) -> Decision:
    return place(entries, cards, slots, uses or {})


# The CPU


def test_runs_get_the_slots_of_the_cpu_in_order() -> None:
    decision = placed([run("a", "cpu"), run("b", "cpu"), run("c", "cpu"), run("d", "cpu")], [], slots=2)
    assert decision.placements == {"a": ("cpu:0",), "b": ("cpu:1",)}
    assert decision.reasons == {"c": "waits for a slot of the CPU (2 of 2 in use)", "d": "waits behind c"}


def test_a_slot_that_is_free_again_is_given_away() -> None:
    decision = placed([run("a", "cpu", placed=("cpu:1",)), run("b", "cpu")], [], slots=2)
    assert decision.placements == {"b": ("cpu:0",)}


def test_a_held_run_is_passed_over() -> None:
    decision = placed([run("a", "cpu", held=True), run("b", "cpu")], [])
    assert decision == Decision({"b": ("cpu:0",)}, {"a": "held"})


# GPUs


def test_runs_spread_over_the_gpus_one_on_each() -> None:
    decision = placed([run("a"), run("b"), run("c")], gpus(80, 80))
    assert decision.placements == {"a": ("cuda:0",), "b": ("cuda:1",)}
    assert decision.reasons == {"c": "waits for a GPU (cuda:0: 1 of 1 runs)"}


def test_several_share_a_gpu_where_each_of_them_allows_it() -> None:
    small = {name: Use(5 * GB) for name in "abcdefg"}
    entries = [run(name, per_device=3) for name in "abcdefg"]
    decision = placed(entries, gpus(80, 80), small)
    devices = [device for (device,) in decision.placements.values()]
    assert devices.count("cuda:0") == devices.count("cuda:1") == 3
    assert list(decision.reasons) == ["g"]


def test_a_run_that_wants_its_gpu_alone_gets_no_company() -> None:
    decision = placed([run("a", placed=("cuda:0",)), run("b", per_device=3)], gpus(40), {"b": Use(GB)})
    assert decision.reasons == {"b": "waits for a GPU (cuda:0: 1 of 1 runs)"}


def test_a_run_waits_for_the_memory_that_it_needs() -> None:
    decision = placed([run("a", "cuda:1")], gpus(80, 4), {"a": Use(int(9.5 * GB))})
    assert decision.reasons == {"a": "waits for cuda:1 (needs 11.0 GB, free 4.0 GB)"}


def test_the_memory_of_others_counts_as_measured() -> None:
    decision = placed([run("a")], gpus(4, 40), {"a": Use(10 * GB)})
    assert decision.placements == {"a": ("cuda:1",)}


def test_room_is_kept_for_a_run_that_has_not_reached_its_peak() -> None:
    there = run("a", per_device=2, placed=("cuda:0",))
    uses = {"a": Use(40 * GB, reported=2 * GB), "b": Use(40 * GB)}
    assert not placed([there, run("b", per_device=2)], gpus(78), uses).placements
    uses["a"] = Use(30 * GB, reported=30 * GB)
    assert placed([there, run("b", per_device=2)], gpus(50), uses).placements == {"b": ("cuda:0",)}


def test_a_run_that_outgrew_its_estimate_counts_with_what_it_uses() -> None:
    there = run("a", per_device=2, placed=("cuda:0",))
    uses = {"a": Use(10 * GB, reported=60 * GB), "b": Use(15 * GB)}
    assert placed([there, run("b", per_device=2)], gpus(20), uses).placements == {"b": ("cuda:0",)}
    assert not placed([there, run("b", per_device=2)], gpus(12), uses).placements


def test_without_an_estimate_a_run_needs_its_share_of_the_gpu() -> None:
    assert placed([run("a")], gpus(79)).placements
    assert not placed([run("a")], gpus(60)).placements
    assert placed([run("a", per_device=2)], gpus(40)).placements


def test_several_gpus_are_given_together() -> None:
    decision = placed([run("a", gpus=2), run("b")], gpus(80, 4, 80))
    assert decision.placements == {"a": ("cuda:0", "cuda:2")}
    assert decision.reasons["b"].startswith("waits for a GPU")


def test_a_machine_with_fewer_gpus_says_so() -> None:
    assert placed([run("a", gpus=3)], gpus(80)).reasons == {"a": "waits for 3 GPUs, and this machine has 1 GPUs"}
    assert placed([run("a", "cuda:4")], gpus(80)).reasons == {"a": "waits for cuda:4, and this machine has 1 GPUs"}


# Order


def test_no_later_run_overtakes_one_that_waits_for_the_same() -> None:
    uses = {"large": Use(70 * GB), "small": Use(GB)}
    decision = placed([run("large"), run("small")], gpus(20, 20), uses)
    assert decision.placements == {}
    assert decision.reasons["small"] == "waits behind large"


def test_a_run_that_waits_for_one_gpu_leaves_the_others_to_those_behind_it() -> None:
    decision = placed([run("first", "cuda:1"), run("second"), run("third", "cuda:1")], gpus(80, 1))
    assert decision.placements == {"second": ("cuda:0",)}
    assert decision.reasons["third"] == "waits behind first"


def test_the_cpu_and_the_gpus_have_queues_of_their_own() -> None:
    decision = placed([run("a"), run("b", "cpu")], gpus(1))
    assert decision.placements == {"b": ("cpu:0",)}
