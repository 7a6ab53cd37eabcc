"""Makes clients/vectors.json anew: ``python -m tests.clients.make_vectors``; clients/README.md explains it.

The small bundles of the tests, with every kind of secret, decoy and wire, and what the SDK makes of two
images under one secret, step by step. Needs the extra ``dev``: onnx writes the graphs.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime import Decoder, Encoder
from phasekey.bundle import SecretSpec, WireSpec
from phasekey.graph_runtime import GraphSession
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.infer import join_response
from sdk import DerivedKeys
from sdk.core.labels import label
from sdk.secrets import hide, reveal
from sdk.transport.messages import infer_request
from sdk.wire_format import from_wire, to_wire
from tests.small_export import write_small_export

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "clients" / "vectors.json"
ABOUT = "Made by python -m tests.clients.make_vectors; clients/README.md says what is what."
SECRET, IMAGES, NOISE = bytes(range(32)), 2, 6
CONTEXT = "0123456789abcdef" * 4
LAWS = [("rotation", 2), *(("orthogonal", k) for k in (2, 4, 8)), *(("permutation", k) for k in (2, 4, 8))]
BUNDLES: dict[str, dict[str, Any]] = {
    "rotation of 2, decoys of images": {},
    "rotation of 2, int8 on the wire": {"wire": WireSpec("int8", 0.02, 0.05, {})},
    "orthogonal of 2, decoys of noise, float16 on the wire": {
        "kind": "orthogonal",
        "sigma": 0.5,
        "wire": WireSpec("float16", None, None, {}),
    },
    "orthogonal of 4, colours, a lineage": {
        "kind": "orthogonal",
        "components": 4,
        "channels": 3,
        "lineage": CONTEXT,
    },
    "permutation of 2, images as float32": {"kind": "permutation", "dtype": "float32"},
    "permutation of 4, decoys of an archive": {"kind": "permutation", "components": 4, "archive": True},
    "permutation of 4, decoys of images": {"kind": "permutation", "components": 4},
}


def law_case(kind: str, components: int) -> dict[str, Any]:
    """What follows from the secret and images for one law, without any network."""
    spec, images = SecretSpec(kind, components), _plain_images()
    keys = DerivedKeys(SECRET, context=CONTEXT.encode())
    drawn = keys.draw(images, NOISE, spec)
    rows = np.repeat(_plain_rows()[None, :components], len(images), axis=0)
    case = {
        "kind": kind,
        "components": components,
        "seeds": _seeds(images, CONTEXT),
        "matrix": _numbers(drawn.matrix),
        "noise": _numbers(drawn.noise),
        "x": _numbers(hide(rows, drawn.matrix, permuted=spec.permutes)),
    }
    return case | ({"theta": _numbers(drawn.theta)} if kind == "rotation" else {})


def bundle_case(name: str, options: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Two images through a whole bundle, up to the prediction."""
    export = write_small_export(folder, **options)
    manifest, spec = export.manifest, export.manifest.secret
    images = export.network.images(IMAGES)
    keys = DerivedKeys(SECRET, context=manifest.key_context)
    drawn = keys.draw(images, manifest.decoy.noise_size, spec)
    encoder, archived = Encoder(export.edge, manifest), {}
    if manifest.decoy.archived:
        pictures = export.network.images(IMAGES * (spec.components - 1), seed=2)
        feature = np.concatenate([encoder.features(image[None]) for image in images])
        decoys = np.concatenate([encoder.features(image[None]) for image in pictures])
        archived = {"decoy_images": _numbers(pictures)}
    else:
        feature, decoys = encoder.encode(images, drawn.noise)
    rows = np.concatenate([feature[:, None], decoys.reshape(IMAGES, -1, *feature.shape[1:])], axis=1)
    x = hide(rows, drawn.matrix, permuted=spec.permutes)
    sent = to_wire(x, manifest.wire, 1 if spec.permutes else spec.components)
    h = GraphSession(export.cloud / manifest.model_name / "1" / "model.onnx").run({"x": sent})["h"]
    revealed = reveal(from_wire(h, manifest.wire), drawn.matrix, permuted=spec.permutes)
    probabilities = Decoder(export.edge, manifest).decode(revealed)
    reply = join_response(pb.ModelInferResponse(model_name=manifest.model_name), {"h": h})
    return {
        "name": name,
        "manifest": (export.edge / "manifest.json").read_text(),
        "encoder": _text((export.edge / "encoder.onnx").read_bytes()),
        "decoder": _text((export.edge / "decoder.onnx").read_bytes()),
        "images": _numbers(images),
        "images_shape": images.shape,
        **archived,
        "context": manifest.key_context.decode(),
        "seeds": _seeds(images, manifest.key_context.decode()),
        "matrix": _numbers(drawn.matrix),
        "noise": _numbers(drawn.noise),
        "rows": _numbers(rows),
        "rows_shape": rows.shape,
        "x": _numbers(x),
        "sent": _numbers(sent),
        "sent_shape": sent.shape,
        "request": _text(infer_request(manifest.model_name, sent)),
        "reply": _text(reply),
        "revealed": _numbers(revealed),
        "probabilities": _numbers(probabilities),
        "labels": label(probabilities, manifest),
    }


def vectors() -> dict[str, Any]:
    """All that the file holds."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            "about": ABOUT,
            "secret": SECRET.hex(),
            "context": CONTEXT,
            "noise_size": NOISE,
            "images": _numbers(_plain_images()),
            "images_shape": _plain_images().shape,
            "rows": _numbers(_plain_rows()),
            "laws": [law_case(*law) for law in LAWS],
            "bundles": [
                bundle_case(name, options, Path(folder) / str(at))
                for at, (name, options) in enumerate(BUNDLES.items())
            ],
        }


def as_text(found: dict[str, Any]) -> str:
    """JSON with a line for each field, so that a change shows as one of that field."""
    lists = {key: value for key, value in found.items() if key in ("laws", "bundles")}
    plain = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items() if key not in lists]
    for key, cases in lists.items():
        plain.append(f'"{key}": [\n' + ",\n".join(_fields(case) for case in cases) + "\n]")
    return "{\n" + ",\n".join(plain) + "\n}\n"


def _fields(case: dict[str, Any]) -> str:
    return " {\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in case.items()) + "\n }"


def _plain_images() -> np.ndarray:
    return np.arange(0, 7 * 32, 7, np.uint8).reshape(2, 4, 4, 1)


def _plain_rows() -> np.ndarray:
    """Eight rows, as maps (1, 2, 2), of numbers that a float32 holds."""
    first = [-1.25 + row / 8 if row % 2 == 0 else -1.25 - row / 8 for row in range(8)]
    return np.float32(first).reshape(8, 1, 1, 1) + np.float32([[[0, 0.25], [0.5, 0.75]]])


def _seeds(images: np.ndarray, context: str) -> list[str]:
    """HMAC-SHA-256 under the secret of label, context, type and shape, and pixels, a length ahead of each.

    Written out here, not taken from the SDK.
    """
    seeds = []
    for image in images:
        kind = repr((image.dtype.newbyteorder("<").str, image.shape))
        parts = [b"phasekey/sdk.key/1/seed", context.encode(), kind.encode(), image.tobytes()]
        message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        seeds.append(hmac.digest(SECRET, message, "sha256").hex())
    return seeds


def _numbers(array: np.ndarray) -> list[float] | list[int]:
    """All values in row-major order; of float32 as many digits as make them it again."""
    if array.dtype == np.float64 or array.dtype.kind in "iu":
        return array.ravel().tolist()
    return [float(np.format_float_positional(value, unique=True)) for value in array.ravel()]


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def main() -> None:
    """Write the file, or another one."""
    parser = argparse.ArgumentParser(
        description="Make the vectors that clients in other languages test against."
    )
    parser.add_argument(
        "--out", metavar="FILE", type=Path, default=FILE, help=f"default: {FILE.relative_to(ROOT)}"
    )
    parser.parse_args().out.write_text(as_text(vectors()), encoding="utf-8")


if __name__ == "__main__":
    main()
