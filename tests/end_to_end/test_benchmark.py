"""`nastui benchmark`: import a table, look architectures up by hand and in every epoch of a search."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runs.configuration import Draft, RunConfig, resolve
from runs.genotypes.genotype import Genotype
from runs.genotypes.nasbench201 import TOPOLOGY, format_string
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from tests.end_to_end.conftest import Cli
from tests.tabulated import BEST, accuracy, write_csv

LABEL = "test (200 epochs)"


def test_import_list_and_query(cli: Cli) -> None:
    assert [(table["name"], table["architectures"]) for table in cli.json("benchmark", "list")] == (
        [("nasbench201", 15_625)]
    ), "the included one"
    cell = format_string(TOPOLOGY.numbered(1000))
    assert len(cli.json("benchmark", "query", cell)["results"]) == 9
    assert "Import one: nastui benchmark import" in cli("benchmark", "query", "DARTS_V2", code=3).stderr
    write_csv(cli.folder / "table.csv.gz")
    done = cli("benchmark", "import", "table.csv.gz")
    assert done.stdout == ""
    assert "15,625 architectures of nasbench201" in done.stderr

    (table,) = cli.json("benchmark", "list")
    assert (table["name"], table["space"], table["architectures"]) == ("nasbench201", "nasbench201", 15_625)
    assert (table["source"], len(table["sha256"])) == ("table.csv.gz", 64)
    best = table["columns"][1]
    assert (best["dataset"], best["split"], best["epochs"], best["best"]) == ("digits", "test", 200, 90.0)
    assert best["best_architecture"] == format_string(TOPOLOGY.numbered(BEST))
    assert "15,625" in cli("benchmark", "list").stdout

    found = cli.json("benchmark", "query", cell)
    assert (found["space"], found["string"]) == ("nasbench201", cell)
    (cheap, reported) = found["results"]
    assert (cheap["epochs"], reported["epochs"], reported["column"]) == (12, 200, LABEL)
    assert reported["value"] == accuracy(1000)
    assert reported["rank"] == 15_625 - 1000
    assert reported["of"] == 15_625
    assert reported["regret"] == pytest.approx(90 - accuracy(1000), abs=1e-3)
    assert "14,625 of 15,625" in cli("benchmark", "query", cell, "--dataset", "digits").stdout
    assert cli.json("benchmark", "query", "NB201_ResNet")["results"][0]["table"] == "nasbench201"


def test_what_is_wrong_is_refused(cli: Cli) -> None:
    assert "absent.csv" in cli("benchmark", "import", "absent.csv", code=3).stderr
    (cli.folder / "bad.csv").write_text("arch,d_test_200\n|none~0|+|none~0|none~1|+|none~0|none~1|none~2|,oops\n")
    assert "Line 2 of 'bad.csv'" in cli("benchmark", "import", "bad.csv", code=2).stderr
    (cli.folder / "bench.pth").write_bytes(b"\x80\x02cos\nsystem\n")
    assert "runs whatever code it holds" in cli("benchmark", "import", "bench.pth", code=2).stderr
    assert not cli.home.benchmarks.exists()
    write_csv(cli.folder / "table.csv")
    cli("benchmark", "import", "table.csv")
    (cli.home.benchmarks / "broken.table").write_bytes(b"nonsense")
    for words in (["list"], ["query", "NB201_ResNet"]):
        assert "broken.table' is not a benchmark table" in cli("benchmark", *words).stderr
    assert "imported: 'nasbench201'" in cli("benchmark", "query", "DARTS_V2", code=3).stderr
    refused = cli("benchmark", "query", "NB201_ResNet", "--dataset", "digit", code=2)
    assert "Did you mean 'digits'?" in refused.stderr
    assert "is not a name" in cli("benchmark", "import", "table.csv", "--name", "../x", code=2).stderr
    assert "Add --yes" in cli("benchmark", "rm", "broken", code=2).stderr
    findings = {finding["name"]: finding for finding in cli.json("doctor")["findings"] if finding["area"] == "tables"}
    assert "15,625 architectures of nasbench201: digits" in findings["nasbench201"]["value"]
    assert "nastui benchmark rm broken" in findings["broken"]["advice"]
    cli("benchmark", "rm", "broken", "--yes")
    assert cli("benchmark", "list").stderr == ""
    cli("benchmark", "restore", "broken")
    assert "broken.table' is not a benchmark table" in cli("benchmark", "list").stderr


def test_every_epoch_of_a_search_is_looked_up(cli: Cli, table: Path) -> None:
    shutil.copytree(table, cli.home.benchmarks)
    run = cli.search(epochs=2, seed=5)["id"]
    cli.wait(run, "finished")
    assert RunConfig.read(cli.home.run(run).config).space == "nasbench201"

    epochs = cli.series(run)
    assert len(epochs) == 2
    for epoch in epochs:
        code = TOPOLOGY.number(Genotype.from_json(epoch["genotype"]))
        accuracies = epoch["benchmark"]["digits"]
        assert accuracies[LABEL] == pytest.approx(accuracy(code), abs=1e-3)
        regret = epoch["extras"]["benchmark_regret"]["digits"][LABEL]
        assert regret == pytest.approx(90 - accuracy(code), abs=1e-3)
        band = epoch["extras"]["benchmark_band"]["digits"][LABEL]
        assert 10 <= band["min"] < band["mean"] < band["max"] <= 90
    shown = cli.json("runs", "show", run)
    assert shown["benchmark"]["digits"][LABEL] == accuracies[LABEL]
    rank = 1 + sum(accuracy(other) > accuracy(code) for other in range(15_625))
    assert (shown["benchmark_rank"], shown["benchmark_size"]) == ({"digits": {LABEL: rank}}, 15_625)
    worth = f"{accuracy(code):.2f} % on Digits, rank {rank:,} of 15,625"
    last = cli("runs", "follow", run).stdout.splitlines()[-1]
    assert last.startswith(f"By the benchmark NAS-Bench-201 this cell reaches {worth}. The search took ")
    assert f"table digits  valid (12 epochs) {accuracies['valid (12 epochs)']:.4g}" in cli("runs", "show", run).stdout


def test_published_results_beside_compared_runs(cli: Cli) -> None:
    store = RunStore(cli.home)
    drafts = [Draft(method="drnas", preset="paper", space="nasbench201", seed=seed, device="cpu") for seed in (1, 2)]
    configs = [resolve(draft) for draft in drafts]
    for config in configs:
        store.create(config, Labels())
    runs = [config.id for config in configs]
    published = cli.json("runs", "compare", *runs, "--with-published")["published"]
    assert {(row["space"], row["dataset"]) for row in published} == {("nasbench201", "cifar10")}
    assert {row["value"] for row in published if row["method"] == "GDAS"} == {93.23, 93.61}
    assert all(row["source"] for row in published)
    assert "published" not in cli.json("runs", "compare", *runs)
    printed = cli("runs", "compare", *runs, "--with-published").stdout
    assert "cifar10 accuracy 94.36 %" in printed
    assert "results page of DrNAS" in printed
