"""A method added from outside, the catalogue part: what users can choose."""

from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import Settings, setting


class BudgetSettings(Settings):
    """The toy's hyperparameters."""

    epochs: int = setting(5, "Epochs of the search.", group="schedule", ge=1, le=1000)
    queries: int = setting(20, "Cells drawn in an epoch.", group="schedule", ge=1, le=10_000)
    budget: float = setting(0.8, "Parameters that the cell should have, in millions.", group="architecture", gt=0, le=2)
    patience: float = setting(0.0, "Seconds to wait at each query.", group="hardware", ge=0, le=60)


METHOD = Method(
    name="budget",
    title="Budget",
    summary="Draws cells at random and keeps the one nearest to a budget of parameters.",
    cost="Nothing: it trains no network.",
    reference="none",
    options=BudgetSettings,
    engine="budget_search_engine:BudgetSearch",
    presets=(
        Preset("paper", "The only size there is.", space="nasbench201", dataset="digits"),
        Preset("quick", "Fewer cells.", space="nasbench201", dataset="digits", values={"queries": 5}),
    ),
)
