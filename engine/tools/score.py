"""``python -P -m engine.tools.score REQUEST``: both zero-cost proxies of one genotype, draw by draw.

REQUEST is JSON: a genotype, the name of a data set, the folder of data sets, settings, a seed and a device.
"""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path
from typing import Any

from engine.core.runtime import Runtime
from engine.core.subprocess_task import run_task
from engine.data.sources import Source, load
from engine.zero_cost.proxies.genotypes import score_genotype
from engine.zero_cost.proxies.preparation import prepare
from runs import catalogue
from runs.catalogue.proxies import ScoreSettings
from runs.genotypes.genotype import Genotype


def score(arguments: list[str]) -> dict[str, Any]:
    """Measure a genotype; return the values of every draw, and their mean and standard deviation.

    An infinite condition number is None; ``log10_kappa`` covers the finite ones.
    """
    request = json.loads(arguments[0])
    settings = ScoreSettings.model_validate(request["settings"])
    dataset, genotype = catalogue.dataset(request["dataset"]), Genotype.from_json(request["genotype"])
    runtime = Runtime(
        device=request["device"],
        seed=request["seed"],
        threads=settings.threads,
        precision="float32",
        channels_last=False,
    )
    images = Source(dataset, Path(request["root"]), settings, runtime, load)
    scorer = prepare(
        catalogue.space(genotype.space), dataset, images, settings, seed=request["seed"], device=runtime.device
    )
    scores = score_genotype(scorer, genotype, settings.repeats)
    finite = [math.log10(score.kappa) for score in scores if math.isfinite(score.kappa)]
    return {
        "kappa": [score.kappa if math.isfinite(score.kappa) else None for score in scores],
        "log10_kappa": _spread(finite),
        "infinite": len(scores) - len(finite),
        "dead": any(score.dead for score in scores),
        "regions": [score.regions.regions for score in scores],
        "regions_spread": _spread([float(score.regions.regions) for score in scores]),
        "samples": scores[0].regions.samples,
        "saturated": any(score.regions.saturated for score in scores),
        "batch_size": scorer.batch_size,
        "seconds": sum(score.ntk_seconds + score.region_seconds for score in scores),
    }


def _spread(values: list[float]) -> dict[str, float | None] | None:
    if not values:
        return None
    return {"mean": statistics.fmean(values), "std": statistics.stdev(values) if len(values) > 1 else None}


if __name__ == "__main__":
    run_task(score)
