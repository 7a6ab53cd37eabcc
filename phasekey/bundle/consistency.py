"""Do a manifest's parts fit each other? Pure: from the parts to a sentence."""

from __future__ import annotations

from phasekey.bundle.parts import DecoySpec, GraphFile, ImageSpec, WireSpec
from phasekey.bundle.tensors import TensorSpec, format_shape

Shape = tuple[int | None, ...]


def find_contradiction(
    *,
    image: ImageSpec,
    decoy: DecoySpec,
    wire: WireSpec,
    classes: int,
    encoder: GraphFile,
    processing: GraphFile,
    decoder: GraphFile,
) -> str | None:
    """Say which two parts of a manifest do not fit, or return None if all do.

    The chain: image and noise → encoder → feature a (C channels) → x, 2C → processing → h, 2D →
    Re[h e^{-iθ}], D → decoder → one probability for each class. x and h are of the wire's type.
    """
    feature, real = _shape(encoder.outputs), _shape(decoder.inputs)
    chain: list[tuple[str, tuple[TensorSpec, ...], list[tuple[str, str, Shape]]]] = [
        ("encoder takes", encoder.inputs, _encoder_inputs(image, decoy)),
        ("encoder gives", encoder.outputs, [_real("feature", feature), _real("decoy", feature)]),
        ("processing module takes", processing.inputs, [("x", wire.dtype, _doubled(feature))]),
        ("processing module gives", processing.outputs, [("h", wire.dtype, _doubled(real))]),
        ("decoder takes", decoder.inputs, [_real("feature", real)]),
        ("decoder gives", decoder.outputs, [_real("probabilities", (None, classes))]),
    ]
    for what, found, wanted in chain:
        expected = tuple(TensorSpec(*fields) for fields in wanted)
        if found != expected:
            return f"the {what} {_list(found)}, where the other parts ask for {_list(expected)}."
    return _find_wrong_scale(wire)


def _find_wrong_scale(wire: WireSpec) -> str | None:
    needed = wire.dtype == "int8"
    if all((scale is not None) == needed for scale in (wire.x_scale, wire.h_scale)):
        return None
    return f"a wire of {wire.dtype} {'needs both scales' if needed else 'has no scales'}."


def _encoder_inputs(image: ImageSpec, decoy: DecoySpec) -> list[tuple[str, str, Shape]]:
    size = (None, image.height, image.width, image.channels)
    return [("image", image.dtype, size), _real("noise", (None, decoy.noise_size))]


def _real(name: str, shape: Shape) -> tuple[str, str, Shape]:
    return (name, "float32", shape)


def _shape(specs: tuple[TensorSpec, ...]) -> Shape:
    """Return the first tensor's shape as a batch of features: free first size, the others as they are."""
    return (None, *specs[0].shape[1:])


def _doubled(shape: Shape) -> Shape:
    channels = shape[1] if len(shape) > 1 else None
    return (None, None if channels is None else 2 * channels, *shape[2:])


def _list(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(f"{spec.name} {spec.dtype} {format_shape(spec.shape)}" for spec in specs)
