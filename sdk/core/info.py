"""What a bundle is, from its manifest. Pure."""

from __future__ import annotations

from phasekey.bundle import Manifest
from sdk.core.local import has_local
from sdk.core.message_size import bytes_per_image
from sdk.prediction import ModelInfo


def info_of(manifest: Manifest) -> ModelInfo:
    """Image size, labels, what hides, and how much travels."""
    image, (up, down) = manifest.image, bytes_per_image(manifest)
    return ModelInfo(
        name=manifest.model_name,
        image=(image.height, image.width, image.channels),
        dtype=image.dtype,
        labels=manifest.labels,
        secret=manifest.secret.kind,
        components=manifest.secret.components,
        wire=manifest.wire.dtype,
        bytes_up=up,
        bytes_down=down,
        nats=manifest.nats_per_transmission,
        local_fallback=has_local(manifest),
        warning=manifest.privacy_warning,
    )
