"""How much an attacker spends: numbers of images and steps, and sizes of networks; never seconds."""

from dataclasses import dataclass

from phasekey.audit.errors import AuditError


@dataclass(frozen=True)
class Effort:
    """A budget. Images are those at the attacker's disposal; each trained network makes its steps on
    batches of `batch` images with fresh angles and fresh pairings of decoys.

    train_images, validation_images, test_images: at most so many of each split.
    angle_steps, angle_width: of the angle networks. image_steps, unet_width: of networks that return images;
    unet_width are the channels at full size (the paper's is 64), doubling with each level.
    inference_steps, inference_width: of classifiers; the width is that of their first layer of maps.
    angles: candidates of searches over the circle.
    """

    name: str
    train_images: int
    validation_images: int
    test_images: int
    batch: int
    angle_steps: int
    angle_width: int
    image_steps: int
    unet_width: int
    inference_steps: int
    inference_width: int
    angles: int
    paper_sizes: bool = False


EFFORTS = {
    effort.name: effort
    for effort in (
        Effort("control", 1200, 200, 300, 64, 250, 128, 100, 8, 120, 16, 64),
        Effort("quick", 20_000, 1_000, 1_000, 128, 800, 256, 500, 16, 300, 16, 64),
        Effort("standard", 40_000, 2_000, 2_000, 128, 2_000, 384, 4_000, 24, 600, 24, 128),
        Effort("full", 10**9, 5_000, 5_000, 256, 60_000, 1024, 60_000, 64, 30_000, 64, 256, paper_sizes=True),
    )
}


def effort_of(name: str) -> Effort:
    """The budget of a name.

    Args:
        name: as `--budget` takes it.

    Returns:
        Its numbers.

    Raises:
        AuditError: no budget is called so.
    """
    if name not in EFFORTS:
        raise AuditError(f"--budget takes one of {', '.join(EFFORTS)}; got {name!r}")
    return EFFORTS[name]
