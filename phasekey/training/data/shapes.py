"""The one size that all images of a data set must have."""

from collections import Counter
from collections.abc import Sequence

from tqdm import tqdm

from phasekey.training.data.images import image_shape
from phasekey.training.data.store import Store
from phasekey.training.errors import TrainingError


def common_shape(
    store: Store, names: Sequence[str], where: str, image_size: int | None, *, progress: bool = False
) -> tuple[int, int, int]:
    """(H, W, C) of image files, from their headers: C = 1 if all are grey; image_size if one is given.

    Raises TrainingError, naming a file, where one is broken, or sizes differ and none is given.
    """
    shapes = []
    for name in tqdm(names, "looking at images", unit="image", disable=None if progress else True):
        with store.open(name) as file:
            shapes.append(image_shape(file, name))
    channels = max(shape[-1] for shape in shapes)
    if image_size is not None:
        return image_size, image_size, channels
    sizes = Counter(shape[:2] for shape in shapes)
    ((height, width), _), *others = sizes.most_common()
    if others:
        odd = next(name for name, shape in zip(names, shapes, strict=True) if shape[:2] == others[-1][0])
        raise TrainingError(
            f"the images of {where!r} differ in size: {odd!r} is {_words(others[-1][0])}, most are "
            f"{_words((height, width))}; give one size with --image-size"
        )
    return height, width, channels


def _words(size: tuple[int, int]) -> str:
    return f"{size[1]}×{size[0]}"
