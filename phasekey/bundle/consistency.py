"""Do a manifest's parts fit each other? Pure: from the parts to a sentence."""

from __future__ import annotations

from typing import Any

from phasekey.bundle.parts import DecoySpec, GraphFile, ImageSpec, SecretSpec, WireSpec
from phasekey.bundle.tensors import TensorSpec, format_shape

Shape = tuple[int | None, ...]


def find_contradiction(
    *,
    image: ImageSpec,
    secret: SecretSpec,
    guarantee: dict[str, Any] | None,
    decoy: DecoySpec,
    wire: WireSpec,
    classes: int,
    encoder: GraphFile,
    processing: GraphFile,
    decoder: GraphFile,
) -> str | None:
    """Say which two parts of a manifest do not fit, or return None if all do.

    The chain: image and noise → encoder → feature a (C channels) → x, kC → processing → h, kD →
    row 0 of Qᵀh, D → decoder → one probability for each class. A permutation sends rows as samples: C and D
    in place of kC and kD. x and h are of the wire's type.
    """
    feature, real = _shape(encoder.outputs), _shape(decoder.inputs)
    blocks, decoys = 1 if secret.permutes else secret.components, secret.components - 1
    made = [_real("feature", feature), *([] if decoy.archived else [_real("decoy", _times(decoys, feature))])]
    chain: list[tuple[str, tuple[TensorSpec, ...], list[tuple[str, str, Shape]]]] = [
        ("encoder takes", encoder.inputs, _encoder_inputs(image, decoy, decoys)),
        ("encoder gives", encoder.outputs, made),
        ("processing module takes", processing.inputs, [("x", wire.dtype, _times(blocks, feature))]),
        ("processing module gives", processing.outputs, [("h", wire.dtype, _times(blocks, real))]),
        ("decoder takes", decoder.inputs, [_real("feature", real)]),
        ("decoder gives", decoder.outputs, [_real("probabilities", (None, classes))]),
    ]
    for what, found, wanted in chain:
        expected = tuple(TensorSpec(*fields) for fields in wanted)
        if found != expected:
            return f"the {what} {_list(found)}, where the other parts ask for {_list(expected)}."
    return _find_wrong_scale(wire) or _find_wrong_secret(secret, decoy, guarantee)


def _find_wrong_secret(secret: SecretSpec, decoy: DecoySpec, guarantee: dict[str, Any] | None) -> str | None:
    if secret.kind == "rotation" and secret.components != 2:
        return f"a rotation has 2 components, not {secret.components}."
    if decoy.archived != (decoy.noise_size == 0):
        return f"decoys of the source {decoy.source!r} take {decoy.noise_size} numbers of noise."
    if guarantee is None:
        return None
    stated = guarantee["components" if guarantee["kind"] == "nats" else "k"]
    if stated != secret.components:
        return f"the guarantee is of {stated} components, the secret of {secret.components}."
    return None


def _find_wrong_scale(wire: WireSpec) -> str | None:
    needed = wire.dtype == "int8"
    if all((scale is not None) == needed for scale in (wire.x_scale, wire.h_scale)):
        return None
    return f"a wire of {wire.dtype} {'needs both scales' if needed else 'has no scales'}."


def _encoder_inputs(image: ImageSpec, decoy: DecoySpec, decoys: int) -> list[tuple[str, str, Shape]]:
    size = (None, image.height, image.width, image.channels)
    noise = [] if decoy.archived else [_real("noise", (None, decoys * decoy.noise_size))]
    return [("image", image.dtype, size), *noise]


def _real(name: str, shape: Shape) -> tuple[str, str, Shape]:
    return (name, "float32", shape)


def _shape(specs: tuple[TensorSpec, ...]) -> Shape:
    """Return the first tensor's shape as a batch of features: free first size, the others as they are."""
    return (None, *specs[0].shape[1:])


def _times(blocks: int, shape: Shape) -> Shape:
    channels = shape[1] if len(shape) > 1 else None
    return (None, None if channels is None else blocks * channels, *shape[2:])


def _list(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(f"{spec.name} {spec.dtype} {format_shape(spec.shape)}" for spec in specs)
