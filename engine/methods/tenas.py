"""TE-NAS: prune a supernet at initialisation by the NTK's condition number and its linear regions.

See docs/methods/tenas.md.
"""

from __future__ import annotations

from engine.method import Context
from engine.zero_cost.proxies.preparation import prepare
from engine.zero_cost.search import PruningSearch
from runs.catalogue.methods.tenas import TenasSettings


def build(context: Context[TenasSettings]) -> PruningSearch:
    """Return the search that the settings describe."""
    settings, runtime = context.settings, context.runtime
    scorer = prepare(
        context.space.entry,
        context.dataset,
        context.images,
        settings,
        seed=runtime.seed,
        device=runtime.device,
        as_public=settings.singular_kernels == "public",
    )
    return PruningSearch(context, scorer)
