"""Which network is planned for: one by name, or that of a bundle."""

from dataclasses import dataclass
from pathlib import Path

from phasekey.bundle import Manifest, edge_of, load_manifest
from phasekey.model import ModelError
from phasekey.model.architectures import NAMES, VARIANTS, describe
from phasekey.model.description import Architecture
from phasekey.planner.errors import PlannerError
from phasekey.planner.latency import Work, frame_time


@dataclass(frozen=True)
class Network:
    """What is planned for.

    Attributes:
        name: for people.
        architecture: its description.
        image: (C, H, W) of one input.
        classes: values that it answers with; None where nobody said.
        early_end: layers before its early split.
        own: the split of the bundle, as its export counted it.
    """

    name: str
    architecture: Architecture
    image: tuple[int, int, int]
    classes: int | None
    early_end: int
    own: Work | None = None


def of_architecture(arch: str, variant: str | None, side: int | None) -> Network:
    """Take a network by name, for colour images.

    Args:
        arch: as `phasekey train --arch` takes it.
        variant: of a ResNet; None for the paper's first.
        side: pixels per side; None for what the layers are written for.

    Raises:
        ModelError: no such network or variant.
    """
    architecture, early = describe(arch, variant), describe(arch, None, "early")
    pixels = side or architecture.image_size
    return Network(architecture.name, architecture, (3, pixels, pixels), None, early.encoder_end)


def of_bundle(folder: Path) -> Network:
    """Take the network of an export.

    Args:
        folder: of the export, or its "edge" folder.

    Raises:
        BundleError: no bundle there, or a damaged one.
        PlannerError: a network that was not built from one of our descriptions.
    """
    manifest = load_manifest(edge_of(folder))
    arch, variant = name_of(manifest)
    try:
        architecture, early = describe(arch, variant), describe(arch, None, "early")
    except ModelError as error:
        raise PlannerError(
            f"the bundle's network {arch!r} is not one that this plan knows layer by layer; plan for the "
            "nearest one with --arch"
        ) from error
    image = manifest.image
    size = (image.channels, image.height, image.width)
    return Network(
        manifest.model_name, architecture, size, len(manifest.labels), early.encoder_end, work_of(manifest)
    )


def name_of(manifest: Manifest) -> tuple[str, str | None]:
    """Take apart how a bundle names its network.

    Exports of a checkpoint say what `phasekey train --arch --variant` was given; those of a network that was
    built in Python say the description's name, "resnet20-alpha" or "lenet-early".

    Returns:
        Architecture and variant, as `describe` takes them; what is none of ours as it stands.
    """
    arch, variant = str(manifest.network.get("arch")), manifest.network.get("variant")
    name, _, end = arch.rpartition("-")
    if name not in NAMES or end not in (*VARIANTS, "early"):
        return arch, variant
    return name, end if end in VARIANTS else None


def work_of(manifest: Manifest) -> Work:
    """What a bundle's own split computes and sends for one image, as its export counted it."""
    cost: dict[str, int] = manifest.export["cost"]
    return Work(
        "this bundle's split",
        encode=cost["flops_encoder"],
        cloud=cost["flops_processing"],
        decode=cost["flops_decoder"],
        up=cost["bytes_up"],
        down=cost["bytes_down"],
        frame=frame_time(manifest.secret.components) if manifest.network.get("form") == "canonical" else 0.0,
    )
