"""Published results, as docs/methods/baselines.md lists them."""

from __future__ import annotations

from runs import catalogue
from runs.benchmarks.published import beside, references
from runs.catalogue import library


def test_every_figure_is_of_a_known_space_and_data_set_and_names_its_source() -> None:
    datasets = {dataset.name for dataset in catalogue.datasets().values()}
    for reference in references():
        assert reference.space in catalogue.spaces()
        assert reference.figure.dataset in datasets
        assert reference.figure.source
        assert 0 < reference.figure.value < 100
        assert (reference.figure.metric == "accuracy") == (reference.space == "nasbench201")


def test_tables_that_disagree_stand_side_by_side() -> None:
    rows = [row.figure for row in beside({("nasbench201", "cifar100")}) if row.method == "GDAS"]
    assert [(row.value, row.std) for row in rows] == [(24.2, 8.08), (70.7, 0.3)]
    assert ["TE-NAS" in row.source for row in rows] == [False, True]
    best = [row.figure.value for row in references() if row.method == "Best of the table"]
    assert best == [94.37, 73.51, 47.31]


def test_rows_of_the_pairs_alone() -> None:
    assert beside({("darts", "digits")}) == []
    rows = beside({("darts", "cifar10"), ("nasbench201", "cifar10")})
    assert {(row.space, row.figure.dataset) for row in rows} == {("darts", "cifar10"), ("nasbench201", "cifar10")}
    drnas = next(row.figure for row in rows if row.method == "DrNAS" and row.space == "darts")
    assert (drnas.value, drnas.std, drnas.parameters_m, drnas.gpu_days) == (2.46, 0.03, 4.1, 0.6)
    assert drnas.value == library.get("DrNAS_cifar10").figures[0].value


def test_the_controls_have_rows_on_the_benchmark() -> None:
    rows = {row.method: row.figure.value for row in beside({("nasbench201", "cifar10")})}
    assert rows["Random search"] < rows["REINFORCE"] < rows["Regularised evolution"] < rows["Best of the table"]
