"""The data sets: their descriptions, without opening their files."""

from __future__ import annotations

from pathlib import Path

from runs.catalogue.entries import IMAGENET_CLASSES, Dataset
from runs.catalogue.image_files import LAYOUT, class_names, has_images, testing_folder
from runs.errors import EnvironmentLacksError, UsageError
from runs.user_path import user_path

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

DATASETS = (
    Dataset(
        name="digits",
        title="Digits",
        summary="1,797 handwritten digits as 32 x 32 colour images; embedded, nothing to download.",
        classes=10,
        size=32,
        train=1442,
        test=355,
        mean=(0.3052, 0.3052, 0.3052),
        std=(0.3237, 0.3237, 0.3237),
        crop_padding=2,
        flip=False,  # a mirrored digit is not a digit
        obtain="comes with nastui",
        engine="engine.data.digits:load",
    ),
    Dataset(
        name="cifar10",
        title="CIFAR-10",
        summary="60,000 colour images of 32 x 32 pixels in 10 classes.",
        classes=10,
        size=32,
        train=50_000,
        test=10_000,
        mean=(0.49139968, 0.48215827, 0.44653124),
        std=(0.24703233, 0.24348505, 0.26158768),
        crop_padding=4,
        flip=True,
        obtain="nastui dataset fetch cifar10 (170 MB)",
        engine="engine.data.cifar:load",
        requires=("cifar-10-batches-py/batches.meta", "cifar-10-batches-py/data_batch_5"),
    ),
    Dataset(
        name="cifar100",
        title="CIFAR-100",
        summary="60,000 colour images of 32 x 32 pixels in 100 classes.",
        classes=100,
        size=32,
        train=50_000,
        test=10_000,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
        crop_padding=4,
        flip=True,
        obtain="nastui dataset fetch cifar100 (169 MB)",
        engine="engine.data.cifar:load",
        requires=("cifar-100-python/meta", "cifar-100-python/train"),
    ),
    Dataset(
        name="svhn",
        title="SVHN",
        summary="99,289 house-number digits of 32 x 32 pixels in 10 classes.",
        classes=10,
        size=32,
        train=73_257,
        test=26_032,
        mean=(0.4377, 0.4438, 0.4728),
        std=(0.1980, 0.2010, 0.1970),
        crop_padding=4,
        flip=True,  # as the papers' code does
        obtain="nastui dataset fetch svhn (246 MB)",
        engine="engine.data.svhn:load",
        requires=("train_32x32.mat", "test_32x32.mat"),
    ),
    Dataset(
        name="imagenet16_120",
        title="ImageNet16-120",
        summary="157,700 images of 16 x 16 pixels in ImageNet's first 120 classes, as in NAS-Bench-201.",
        classes=120,
        size=16,
        train=151_700,
        test=6_000,
        mean=(122.68 / 255, 116.66 / 255, 104.01 / 255),
        std=(63.22 / 255, 61.26 / 255, 65.09 / 255),
        crop_padding=2,
        flip=True,
        obtain="download the 16 x 16 images from image-net.org (for members) and unpack them into the store's "
        "datasets/ImageNet16",
        engine="engine.data.imagenet16:load",
        requires=("ImageNet16/val_data", *(f"ImageNet16/train_data_batch_{number}" for number in range(1, 11))),
    ),
    Dataset(
        name="imagenet",
        title="ImageNet",
        summary="ILSVRC 2012: 1.3 million photographs in 1,000 classes, streamed from their files.",
        classes=IMAGENET_CLASSES,
        size=None,
        train=1_281_167,
        test=50_000,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        crop_padding=4,
        flip=True,
        obtain="link your copy, with train/<class>/ and val/<class>/, as 'imagenet' in the store's datasets, "
        "or give its path with --dataset",
        engine="engine.data.folder:load",
        requires=("imagenet/train", "imagenet/val"),
        kept_as="imagenet",
    ),
)


def image_folder(path: Path) -> Dataset:
    """Return the description of a folder of images: ``train/<class>/*`` and ``test/`` or ``val/``.

    Only file names are read here. The engine opens the images and reports broken ones.

    Raises:
        EnvironmentLacksError: the folder or its ``train`` does not exist, it has fewer than two classes, or a class
            has no images.
    """
    try:
        path = user_path(path)
        classes = _classes(path)
    except UsageError as error:  # every data set that cannot be used has the same exit code
        raise EnvironmentLacksError(error.message, LAYOUT) from error
    except OSError as error:
        raise EnvironmentLacksError(f"'{str(path)[:80]}' cannot be read: {error.strerror}.", LAYOUT) from error
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
        obtain="your own folder",
        engine="engine.data.folder:load",
        folder=path,
    )


def _classes(path: Path) -> list[str]:
    train = path / "train"
    if not train.is_dir():
        raise EnvironmentLacksError(f"'{path}' has no folder 'train'.", LAYOUT)
    classes = class_names(train)
    if len(classes) < 2:
        raise EnvironmentLacksError(f"'{train}' must have at least 2 class folders, got {len(classes)}.", LAYOUT)
    for name in classes:
        if not has_images(train, name):
            raise EnvironmentLacksError(f"The class folder '{train / name}' has no images.", LAYOUT)
    testing_folder(path)
    return classes
