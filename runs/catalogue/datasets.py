"""The data sets: what is known of them without opening them."""

from __future__ import annotations

from pathlib import Path

from runs.catalogue.entries import Dataset
from runs.errors import EnvironmentLacksError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LAYOUT = "An image folder has train/<class>/*.jpg and test/<class>/*.jpg (or val/)."

DATASETS = (
    Dataset(
        name="digits",
        title="Digits",
        summary="1,797 real handwritten digits, shown as 32 x 32 colour images; embedded, nothing to download.",
        classes=10,
        size=32,
        train=1442,
        test=355,
        mean=(0.3052, 0.3052, 0.3052),
        std=(0.3237, 0.3237, 0.3237),
        crop_padding=2,
        flip=False,  # a mirrored digit is no digit
        obtain="comes with scikit-learn",
        engine="engine.data.digits:load",
    ),
    Dataset(
        name="cifar10",
        title="CIFAR-10",
        summary="60,000 colour images of 32 x 32 in 10 classes.",
        classes=10,
        size=32,
        train=50_000,
        test=10_000,
        mean=(0.49139968, 0.48215827, 0.44653124),
        std=(0.24703233, 0.24348505, 0.26158768),
        crop_padding=4,
        flip=True,
        obtain="nastui datasets cifar10 --download (170 MB)",
        engine="engine.data.cifar:load",
        requires=("cifar-10-batches-py/batches.meta", "cifar-10-batches-py/data_batch_5"),
    ),
    Dataset(
        name="cifar100",
        title="CIFAR-100",
        summary="60,000 colour images of 32 x 32 in 100 classes.",
        classes=100,
        size=32,
        train=50_000,
        test=10_000,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
        crop_padding=4,
        flip=True,
        obtain="nastui datasets cifar100 --download (169 MB)",
        engine="engine.data.cifar:load",
        requires=("cifar-100-python/meta", "cifar-100-python/train"),
    ),
)


def image_folder(path: Path) -> Dataset:
    """Describe a folder of images, ``train/<class>/*`` and ``test/`` or ``val/`` beside it.

    Only names are read here; the engine opens the images and refuses broken ones by name.

    Raises:
        EnvironmentLacksError: there is no such folder, no ``train``, fewer than two classes or no image.
    """
    try:
        path = path.expanduser().absolute()
        classes = _class_folders(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: `~name`, and there is no such user
        fault = str(getattr(error, "strerror", error)).rstrip(".")
        raise EnvironmentLacksError(f"'{str(path)[:80]}' cannot be read: {fault}.", _LAYOUT) from error
    return Dataset(
        name=str(path),
        title=path.name,
        summary=f"The image folder {path}.",
        classes=len(classes),
        size=None,
        train=None,
        test=None,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        crop_padding=4,
        flip=True,
        obtain="yours",
        engine="engine.data.folder:load",
        folder=path,
    )


def _class_folders(path: Path) -> list[Path]:
    train = path / "train"
    if not train.is_dir():
        raise EnvironmentLacksError(f"'{path}' has no folder 'train'.", _LAYOUT)
    classes = [entry for entry in sorted(train.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]
    if len(classes) < 2:
        raise EnvironmentLacksError(f"'{train}' has {len(classes)} class folders; two are the least.", _LAYOUT)
    for folder in classes:
        if not any(file.suffix.lower() in IMAGE_SUFFIXES for file in folder.iterdir()):
            raise EnvironmentLacksError(f"The class folder '{folder}' holds no image.", _LAYOUT)
    if not any((path / part).is_dir() for part in ("test", "val")):
        raise EnvironmentLacksError(f"'{path}' has neither 'test' nor 'val'.", _LAYOUT)
    return classes
