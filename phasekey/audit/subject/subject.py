"""What is audited: a checkpoint or a bundle, opened and described."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from phasekey.audit.scene.scene import Device, Floats
from phasekey.audit.subject.bundle_device import BundleDevice
from phasekey.audit.subject.checkpoint_device import CheckpointDevice
from phasekey.audit.subject.promise import Promise, promise_of
from phasekey.bundle.checksums import sha256_of_file
from phasekey.model.hiding.promise import guarantee_of
from phasekey.model.network import MIXED
from phasekey.training.checkpoint import Checkpoint, load_checkpoint

Kind = Literal["checkpoint", "bundle"]


@dataclass(frozen=True)
class Subject:
    """A device and what is known of it.

    sha256: of a checkpoint's file; of a bundle its id, the SHA-256 over its three graphs. audited: in words,
    with what arithmetic. labels: class names in the order of the answers. image: (H, W, C). data: the words
    after `--data` when it was trained, or None. carry: what the wire leaves of x. facts: for the report.
    promise: what it promises; its audit is then one of `phasekey.audit.claims`. checkpoint: where it is one.
    """

    kind: Kind
    device: Device
    sha256: str
    audited: str
    labels: tuple[str, ...]
    image: tuple[int, int, int]
    data: str | None
    carry: Callable[[Floats], Floats] | None
    facts: Mapping[str, Any]
    promise: Promise | None = None
    checkpoint: Checkpoint | None = None


def open_checkpoint(path: Path) -> Subject:
    """A checkpoint of `phasekey train` as what is audited.

    Args:
        path: of the file.

    Returns:
        The subject.

    Raises:
        TrainingError: the file is none.
        AuditError: its secret is none that any audit here attacks.
    """
    checkpoint = load_checkpoint(path)
    network = checkpoint.network
    secret = network.secret if network.has_secret else "rotation"
    channels, height, width = network.image
    return Subject(
        kind="checkpoint",
        device=CheckpointDevice(network),
        sha256=sha256_of_file(path),
        audited="the checkpoint in float32, x not rounded for the wire",
        labels=checkpoint.labels,
        image=(height, width, channels),
        data=checkpoint.config.get("data"),
        carry=None,
        facts={
            "name": path.resolve().parent.name,
            **_described(checkpoint.architecture, checkpoint.config),
            "feature": list(network.feature_shape),
        },
        promise=promise_of(guarantee_of(network), secret, network.components),
        checkpoint=checkpoint,
    )


def open_bundle(folder: Path) -> Subject:
    """An export as what is audited.

    Args:
        folder: build/NAME, or its edge folder.

    Returns:
        The subject.

    Raises:
        BundleError: no bundle there, or a damaged one.
        AuditError: the cloud's half is another export's, or the secret is none that any audit here attacks.
    """
    device = BundleDevice(folder)
    manifest = device.manifest
    image, settings = manifest.image, manifest.training.get("settings", {})
    arithmetic = manifest.export.get("processing", {}).get("arithmetic", "float32")
    return Subject(
        kind="bundle",
        device=device,
        sha256=manifest.bundle_id,
        audited=f"the exported graphs (processing in {arithmetic}), x as {manifest.wire.dtype} leaves it",
        labels=manifest.labels,
        image=(image.height, image.width, image.channels),
        data=settings.get("data"),
        carry=device.carry,
        facts={
            "name": manifest.model_name,
            **_described(manifest.network, settings),
            "feature": list(manifest.encoder.outputs[0].shape[1:]),
        },
        promise=promise_of(manifest.guarantee, manifest.secret.kind, manifest.secret.components),
    )


def _described(architecture: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    network = "-".join(str(architecture[key]) for key in ("arch", "variant") if architecture.get(key))
    form = architecture.get("form", "complex")
    return {
        "network": network,
        "form": form,
        "gamma": architecture.get("gamma", 0.0) if form == "noisy" else None,
        "defence": settings.get("defence", "unknown") if form == "complex" else "none",
        "head": architecture.get("head", "paper") if form in ("complex", "additional") else "none",
        "decoy_in_training": architecture.get("decoy", "unknown") if form in MIXED else None,
    }
