"""The model card: what a bundle holds and what was measured of it, on one page of Markdown."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from phasekey.audit.report.card import section
from phasekey.bundle import Manifest
from phasekey.guarantee import at_most
from phasekey.planner.card import ASSUMED, plan_lines

USE = """\
## Intended use

For a device that wants this network's answer on images like those of its training, and a server that it
does not trust with them. `edge/` goes to the devices, `cloud/` to the server. The secret stays on the
device: see the README on keeping one over restarts.

Not for images whose leak would harm anybody, unless the audit below and the guarantee say that it may be; not
for frames of a video or other near-duplicates; not for images of another kind, on which nobody measured it.
"""

LIMITS = """\
## Limits

- **None of this is encryption.** There is no cryptographic guarantee. Two independent reproductions broke the
  paper's published defence. An audit bounds what leaks from below: the next attack may find more.
- "Proved" speaks of the cloud's graph alone: the cloud can compute without the secret. It does not say that
  the secret is safe.
- Near-duplicate inputs (frames of a video) can be compared by the cloud.
"""


def write_card(path: Path, manifest: Manifest, sizes: dict[str, int]) -> None:
    """Write the card.

    Args:
        path: its file.
        manifest: every figure comes from it.
        sizes: bytes of each graph's file, by role.

    Raises:
        OSError: the disk refuses.
    """
    path.write_text(card_text(manifest, sizes), encoding="utf-8")


def card_text(manifest: Manifest, sizes: dict[str, int]) -> str:
    """Put the card into Markdown. Every figure comes from the manifest, which says how it was measured.

    Args:
        manifest: as written by this version.
        sizes: bytes of each graph's file, by role.
    """
    training, export = manifest.training, manifest.export
    sections = [
        f"# {manifest.model_name}",
        _sentence(manifest),
        USE.rstrip(),
        "## Accuracy",
        _table(("on the test images of training", "share right"), _accuracy_rows(training, export)),
        _accuracy_sentence(manifest),
        _stability_sentence(training.get("stability")),
        "## Cost of one image",
        _table(("", "device: encoder", "cloud: processing", "device: decoder"), _cost_rows(manifest, sizes)),
        _cost_sentence(export["cost"]),
        f"On the wire: {export['cost']['bytes_up']:,} bytes up, {export['cost']['bytes_down']:,} down "
        f"({manifest.wire.dtype}), without the message around them (about 100 bytes).",
        "## Is the split worth it?",
        "\n".join(f"- {line}" for line in plan_lines(manifest)),
        ASSUMED,
        "## Checks at export",
        _proof_sentence(manifest),
        _table(("relative L2 error by sample", "median", "95%", "largest"), _parity_rows(export["parity"])),
        f"{export['parity']['encoder']['samples']} synthetic images and random features in batches of "
        f"{', '.join(map(str, export['parity']['batches']))}, random secrets, against PyTorch "
        f"{export['torch']}. Max pooling by the norm is discontinuous: a rare sample may be far off.",
        "## Guarantee",
        _guarantee_sentence(manifest.guarantee),
        section(manifest.audit),
        LIMITS.rstrip(),
    ]
    return "\n\n".join(sections) + "\n"


def _sentence(manifest: Manifest) -> str:
    network, image = manifest.network, manifest.image
    variant = f"-{network['variant']}" if network.get("variant") else ""
    return (
        f"{network['arch']}{variant}, {_training(manifest.training)}; "
        f"{len(manifest.labels)} classes. Takes {image.dtype} images of {image.height} × {image.width} × "
        f"{image.channels}. Secret: {manifest.secret.kind} of {manifest.secret.components} components. "
        f"Decoys: {manifest.decoy.source}. Bundle id `{manifest.bundle_id}`, format "
        f"{manifest.format_version}."
    )


def _training(training: dict[str, Any]) -> str:
    if "data" not in training:
        return "trained by other means"
    return f"trained on {training['data']} for {training['epochs']} epochs"


def _accuracy_rows(training: dict[str, Any], export: dict[str, Any]) -> list[tuple[str, str]]:
    known = {
        "PyTorch, angle and decoy zero": training.get("test_accuracy_plain"),
        "PyTorch, random angles, decoys as in training": training.get("test_accuracy"),
    }
    rows = [(name, "not measured" if value is None else f"{value:.2%}") for name, value in known.items()]
    measured = export.get("accuracy") or {"graphs as exported": None}
    for name, value in measured.items():
        text = "not measured" if value is None else f"{value:.2%}"
        rows.append((f"{name}; random secrets, decoys as devices draw them", text))
    return rows


def _accuracy_sentence(manifest: Manifest) -> str:
    images = manifest.export["processing"].get("scored_images")
    decoys = f"Devices draw decoys of {manifest.decoy.source}, training took {manifest.decoy.in_training}"
    if images is None:
        return f"{decoys}. The graphs were not scored: the data of training was not at hand, or not asked."
    return f"{decoys}. The graphs were scored on {images:,} test images, each with one secret."


def _stability_sentence(found: dict[str, Any] | None) -> str:
    if found is None:
        return "How far answers hang on the secret was not measured."
    return (
        f"Over {found['secrets']} secrets on {found['images']:,} test images, decoys as in training: "
        f"accuracy {found['mean']:.2%} ({found['lowest']:.2%} to {found['highest']:.2%}); "
        f"{found['changing']:.2%} of the images get more than one label."
    )


def _cost_sentence(cost: dict[str, Any]) -> str:
    device, plain = cost["flops_encoder"] + cost["flops_decoder"], cost["flops_plain"]
    both = (
        f"A device does {device:,} operations for an answer. The same network without hiding, all of it on "
        f"the device, does {plain:,}"
    )
    if device >= plain:
        return (
            f"**{both}: this split spares the device nothing.** It is worth its while where the processing "
            "module must not leave the cloud, not to save work. `phasekey plan` tells of other splits."
        )
    return f"{both}: this split spares the device {1 - device / plain:.0%} of the operations."


def _cost_rows(manifest: Manifest, sizes: dict[str, int]) -> list[tuple[str, ...]]:
    cost, parameters = manifest.export["cost"], manifest.network["parameters"]
    roles = ("encoder", "processing", "decoder")
    return [
        ("operations (image and decoy)", *(f"{cost[f'flops_{role}']:,}" for role in roles)),
        ("parameters", *(f"{parameters[role]:,}" for role in roles)),
        ("graph, bytes", *(f"{sizes[role]:,}" for role in roles)),
    ]


def _proof_sentence(manifest: Manifest) -> str:
    what, k = "Rotation equivariance of the processing graph", manifest.secret.components
    if manifest.secret.kind == "orthogonal":
        what = f"Equivariance of the processing graph under O({k}), reflections too"
    if manifest.secret.permutes:
        what = "That the processing graph treats each sample by itself, all alike"
    if manifest.proof.verdict == "unproved":
        return f"{what}: **NOT PROVED**. {manifest.proof.detail}"
    return f"{what}: **proved**, {manifest.proof.detail}."


def _guarantee_sentence(guarantee: dict[str, Any] | None) -> str:
    if guarantee is None:
        return "None: what x tells the cloud is a matter of measurement."
    if guarantee["kind"] == "one-of-k":
        k = guarantee["k"]
        return (
            f"The cloud sees {k} candidates and names the input among them with probability 1/{k}, whatever "
            f"its power. What the {k} show is not hidden. While this holds: {guarantee['assumptions']}"
        )
    nats = guarantee["nats_per_transmission"]
    return (
        f"One transmission tells the cloud at most {at_most(nats)} nats about the image, 8 at most "
        f"{at_most(8 * nats, 1)}; a repeat tells nothing more. It holds while this does: "
        f"{guarantee['assumptions']}"
    )


def _parity_rows(parity: dict[str, Any]) -> list[tuple[str, ...]]:
    names = {
        "encoder": "encoder against PyTorch",
        "processing": "processing against PyTorch",
        "shipped": "processing as it ships, against PyTorch on the x it gets",
        "decoder": "decoder against PyTorch",
        "equivariance": "Φ(QM) against QΦ(M)",
    }
    return [
        (text, *(f"{parity[key][figure]:.1e}" for figure in ("median", "q95", "largest")))
        for key, text in names.items()
    ]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
