"""``python -P -m engine.tools.onnx_file FOLDER FILE WHICH``: export a retrained network as ONNX and check its scores.

Needs the extra ``nastui[onnx]``.
"""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import torch

from engine.core.subprocess_task import run_task
from engine.training.model_io import read_description, rebuild
from runs.errors import EnvironmentLacksError, NastuiError

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-5
CHECKED_IMAGES = 4


def export_onnx(arguments: list[str]) -> dict[str, Any]:
    """Write the network of a run's folder as ONNX; return the largest difference of ONNX Runtime's scores from torch's.

    The file takes normalised images [N, 3, H, W], any N, named ``images``, and returns ``scores`` [N, classes].

    Raises:
        EnvironmentLacksError: the packages of the extra are not installed, or the file cannot be written.
        UsageError: the folder holds no network.
        NastuiError: the scores differ by more than rounding.
    """
    folder, file, best = Path(arguments[0]), Path(arguments[1]), arguments[2] == "best"
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise EnvironmentLacksError(f"'{package}' is not installed.", "Install it: pip install 'nastui[onnx]'")
    import onnxruntime

    network = rebuild(folder, best=best)
    size = read_description(folder / "network.json")["image_size"]
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(CHECKED_IMAGES, 3, size, size, generator=generator)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter warns of its own internals
            torch.onnx.export(
                network,
                (images,),
                str(file),
                input_names=["images"],
                output_names=["scores"],
                dynamic_shapes={"images": {0: torch.export.Dim("images_count")}},
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except OSError as error:
        raise EnvironmentLacksError(f"'{file}' cannot be written: {error.strerror}.") from error
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    worst = 0.0
    with torch.no_grad():
        for count in (1, CHECKED_IMAGES):
            ours = network(images[:count])
            assert isinstance(ours, torch.Tensor)
            theirs = torch.from_numpy(session.run(None, {"images": images[:count].numpy()})[0])
            worst = max(worst, float((ours - theirs).abs().max() / ours.abs().max().clamp(min=1)))
    if worst > TOLERANCE:
        raise NastuiError(f"The scores of ONNX Runtime differ from torch's by {worst:.1e}, more than {TOLERANCE:.0e}.")
    return {"file": str(file), "difference": worst}


if __name__ == "__main__":
    run_task(export_onnx)
