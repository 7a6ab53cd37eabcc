"""Fixtures: a whole export of a tiny network: real ONNX graphs, real files, and a numpy oracle beside them.

It takes no training and no torch, so the tests of the runtimes and the SDK run in a second.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from phasekey import bundle

SIDE, KERNEL, NOISE, FEATURES, PROCESSED = 6, 3, 5, 2, 3
MAP = SIDE - KERNEL + 1
LABELS = ("ant", "bee", "cow", "dog")
DRAWN = bundle.DecoySpec("sigmoid of a linear image of normal noise", NOISE, "none")
FLOATS = bundle.WireSpec("float32", None, None, {})
TYPES = {
    "uint8": TensorProto.UINT8,
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "int8": TensorProto.INT8,
}


AUDITED = {
    "date": "2026-01-31", "phasekey": "0", "budget": "full", "kind": "bundle", "subject_sha256": "ab" * 32,
    "audited": "the graphs", "data": "digits", "decoy_law": "device", "keys": "derived", "box": "white",
    "incomplete": None, "verdict": "No attack learned anything.", "grade": "chance", "figures": {},
    "report_sha256": "cd" * 32,
}  # fmt: skip


class SmallNetwork:
    """Weights, the three graphs made of them, and the same sums in numpy (float64)."""

    def __init__(
        self,
        seed: int = 0,
        channels: int = 1,
        dtype: str = "uint8",
        kind: str = "rotation",
        components: int = 2,
        archive: bool = False,
        sigma: float | None = None,
        wire: bundle.WireSpec = FLOATS,
    ) -> None:
        """Draw the weights.

        Args:
            sigma: decoys are noise itself times sigma ("gaussian-features"), no images' features.
            wire: how x and h travel.
        """
        random = np.random.default_rng(seed)
        self.secret, self.archive = bundle.SecretSpec(kind, components), archive
        self.sigma, self.wire = sigma, wire
        self.channels, self.dtype = channels, dtype
        self.encoder = random.normal(size=(FEATURES, channels, KERNEL, KERNEL))
        self.sampler = random.normal(size=(NOISE, channels * SIDE * SIDE))
        self.processing = random.normal(size=(PROCESSED, FEATURES))
        self.decoder = random.normal(size=(PROCESSED * MAP * MAP, len(LABELS))) / 4

    @property
    def decoy_spec(self):
        """What hides a feature."""
        if self.sigma is not None:
            return bundle.DecoySpec("gaussian-features", FEATURES * MAP * MAP, "gaussian", self.sigma)
        return bundle.DecoySpec(bundle.ARCHIVE, 0, "none") if self.archive else DRAWN

    # The oracle

    def feature(self, images):
        """Give a = g(I): scale, centre, convolve."""
        scale = 255 if self.dtype == "uint8" else 1
        return self._encode(np.asarray(images, np.float64).transpose(0, 3, 1, 2) / scale)

    def decoy(self, noise):
        """Give b = g(I'), with I' a sigmoid of a linear image of the noise; k - 1 blocks of channels."""
        if self.sigma is not None:
            return self.sigma * np.asarray(noise, np.float64).reshape(len(noise), -1, MAP, MAP)
        each = np.asarray(noise, np.float64).reshape(-1, NOISE)
        drawn = 1 / (1 + np.exp(-(each @ self.sampler)))
        decoys = self._encode(drawn.reshape(-1, self.channels, SIDE, SIDE))
        return decoys.reshape(len(noise), -1, *decoys.shape[2:])

    def _encode(self, planes):
        windows = np.lib.stride_tricks.sliding_window_view(planes - 0.5, (KERNEL, KERNEL), axis=(2, 3))
        return np.einsum("nchwij,fcij->nfhw", windows, self.encoder)

    def probabilities(self, images):
        """Give the prediction without any rotation: y = d(Φ(a))."""
        processed = np.einsum("nfhw,pf->nphw", self.feature(images), self.processing)
        logits = processed.reshape(len(images), -1) @ self.decoder
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def images(self, count, seed=1):
        """Draw some images of the right kind."""
        pixels = np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, self.channels), np.uint8)
        return pixels if self.dtype == "uint8" else (pixels / 255).astype(np.float32)

    # The graphs

    def encoder_graph(self):
        node, c = helper.make_node, {"half": np.float32(0.5), "K": self.encoder, "S": self.sampler}
        c |= {"scale": np.float32(1 / 255), "to": np.array([0, self.channels, SIDE, SIDE], np.int64)}
        scaled = "float" if self.dtype == "float32" else "scaled"
        nodes = [
            node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
            node("Mul", ["float", "scale"], ["scaled"]),
            node("Transpose", [scaled], ["planes"], perm=[0, 3, 1, 2]),
            node("Sub", ["planes", "half"], ["centred"]),
            node("Conv", ["centred", "K"], ["feature"]),
        ]
        decoys = self.secret.components - 1
        drawing = [
            node("Reshape", ["noise", "each"], ["each_noise"]),
            node("MatMul", ["each_noise", "S"], ["flat"]),
            node("Sigmoid", ["flat"], ["drawn"]),
            node("Reshape", ["drawn", "to"], ["drawn_planes"]),
            node("Sub", ["drawn_planes", "half"], ["drawn_centred"]),
            node("Conv", ["drawn_centred", "K"], ["each_decoy"]),
            node("Reshape", ["each_decoy", "blocks"], ["decoy"]),
        ]
        c |= {"each": np.array([-1, NOISE]), "blocks": np.array([-1, decoys * FEATURES, MAP, MAP])}
        image = ("image", TYPES[self.dtype], ["N", SIDE, SIDE, self.channels])
        feature = ("feature", TensorProto.FLOAT, ["N", FEATURES, MAP, MAP])
        if self.sigma is not None:
            drawing = [
                node("Mul", ["noise", "sigma"], ["scaled_noise"]),
                node("Reshape", ["scaled_noise", "blocks"], ["decoy"]),
            ]
            c["sigma"] = np.float32(self.sigma)
        if self.archive:
            return _graph(nodes, [image], [feature], {name: c[name] for name in ("half", "K", "scale")})
        decoy = ("decoy", TensorProto.FLOAT, ["N", decoys * FEATURES, MAP, MAP])
        noise = ("noise", TensorProto.FLOAT, ["N", decoys * self.decoy_spec.noise_size])
        used = {name for step in [*nodes, *drawing] for name in step.input}
        return _graph(
            [*nodes, *drawing], [image, noise], [feature, decoy], {n: v for n, v in c.items() if n in used}
        )

    def processing_graph(self):
        blocks = 1 if self.secret.permutes else self.secret.components
        all_alike = np.concatenate([self.processing] * blocks)[:, :, None, None]
        node, c, kind = helper.make_node, {"W": all_alike}, TYPES[self.wire.dtype]
        nodes = [node("Conv", ["x", "W"], ["h"], group=blocks)]  # one real weight for all components
        if self.wire.dtype != "float32":
            c |= {"up": np.float32(self.wire.x_scale or 1), "down": np.float32(self.wire.h_scale or 1)}
            nodes = [
                node("Cast", ["x"], ["x_float"], to=TensorProto.FLOAT),
                node("Mul", ["x_float", "up"], ["x_scaled"]),
                node("Conv", ["x_scaled", "W"], ["h_float"], group=blocks),
                node("Div", ["h_float", "down"], ["h_scaled"]),
                node("Round" if self.wire.h_scale else "Identity", ["h_scaled"], ["h_whole"]),
                node("Cast", ["h_whole"], ["h"], to=kind),
            ]
        return _graph(
            nodes,
            [("x", kind, ["N", blocks * FEATURES, MAP, MAP])],
            [("h", kind, ["N", blocks * PROCESSED, MAP, MAP])],
            c,
        )

    def decoder_graph(self):
        return _graph(
            [
                helper.make_node("Flatten", ["feature"], ["flat"]),
                helper.make_node("Gemm", ["flat", "D"], ["logits"]),
                helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
            ],
            [("feature", TensorProto.FLOAT, ["N", PROCESSED, MAP, MAP])],
            [("probabilities", TensorProto.FLOAT, ["N", len(LABELS)])],
            {"D": self.decoder},
        )


def _graph(nodes, inputs, outputs, constants):
    def ports(rows):
        return [helper.make_tensor_value_info(*row) for row in rows]

    weights = [
        numpy_helper.from_array(np.asarray(v, np.float32 if np.asarray(v).dtype.kind == "f" else None), k)
        for k, v in constants.items()
    ]
    body = helper.make_graph(nodes, "small", ports(inputs), ports(outputs), initializer=weights)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model


@dataclass(frozen=True)
class SmallExport:
    """A written export: where it lies, and the network that it holds."""

    network: SmallNetwork
    edge: Path
    cloud: Path
    manifest: bundle.Manifest


def write_small_export(
    root: Path, name: str = "small", audit=AUDITED, lineage=None, **options
) -> SmallExport:
    """Write the export of a SmallNetwork(**options) to this folder, the way that `export` does.

    audit: as the manifest has it; a whole one that found nothing, so that nothing warns.
    lineage: what keys are tied to, where it is not the encoder's checksum.
    """
    network = SmallNetwork(**options)
    graphs = {
        "encoder": network.encoder_graph(),
        "decoder": network.decoder_graph(),
        "processing": network.processing_graph(),
    }
    identity = bundle.identify(graph.SerializeToString() for graph in graphs.values())
    model_name = bundle.name_model(name, identity)
    with bundle.staged(root) as folder:
        edge, version = folder / "edge", folder / "cloud" / model_name / "1"
        edge.mkdir()
        version.mkdir(parents=True)
        files = {"encoder": edge / "encoder.onnx", "decoder": edge / "decoder.onnx"}
        files["processing"] = version / "model.onnx"
        entries = {role: _write_graph(graphs[role], files[role], role, identity) for role in graphs}
        (version.parent / "config.pbtxt").write_text(
            _config(model_name, identity, entries["processing"], network, audit)
        )
        manifest = bundle.Manifest(
            format_version=bundle.FORMAT_VERSION,
            bundle_id=identity,
            model_name=model_name,
            image=bundle.ImageSpec(SIDE, SIDE, network.channels, network.dtype),
            labels=LABELS,
            secret=network.secret,
            decoy=network.decoy_spec,
            wire=network.wire,
            proof=bundle.ProofSpec("samples-alike" if network.secret.permutes else "proved", "exact"),
            network={"arch": "small"},
            training={},
            export={},
            audit=audit,
            lineage=lineage,
            **entries,
        )
        bundle.write_manifest(edge, manifest)
    return SmallExport(network, root / "edge", root / "cloud", manifest)


def _write_graph(graph, path, role, identity):
    facts = {"phasekey.format_version": "1", "phasekey.bundle_id": identity, "phasekey.role": role}
    helper.set_model_props(graph, facts)
    onnx.save(graph, path)
    return bundle.describe_graph(path, _specs(graph.graph.input), _specs(graph.graph.output))


def _specs(ports):
    for port in ports:
        tensor = port.type.tensor_type
        shape = tuple(None if size.dim_param else size.dim_value for size in tensor.shape.dim)
        yield bundle.TensorSpec(port.name, str(helper.tensor_dtype_to_np_dtype(tensor.elem_type)), shape)


def _config(model_name, identity, graph, network, audit):
    batch = 64 * (network.secret.components if network.secret.permutes else 1)
    kind = {"float32": "FP32", "float16": "FP16", "int8": "INT8"}[network.wire.dtype]

    def port(side, spec):
        return f'{side} [{{ name: "{spec.name}" data_type: TYPE_{kind} dims: {list(spec.shape[1:])} }}]\n'

    facts = {"phasekey.bundle_id": identity, "phasekey.sha256": graph.sha256}
    facts["phasekey.audit"] = bundle.audit_state(audit)
    return (
        f'name: "{model_name}"\nplatform: "onnxruntime_onnx"\nmax_batch_size: {batch}\n'
        + port("input", graph.inputs[0])
        + port("output", graph.outputs[0])
        + "".join(f'parameters {{ key: "{k}" value {{ string_value: "{v}" }} }}\n' for k, v in facts.items())
    )


@pytest.fixture(scope="session")
def small_export(tmp_path_factory):
    """One export for all tests that leave it as it is."""
    return write_small_export(tmp_path_factory.mktemp("export") / "small")


@pytest.fixture
def new_export(tmp_path):
    """Write further exports: new_export(seed=2, channels=3, dtype="float32", name="other")."""

    def write(folder="export", **options):
        return write_small_export(tmp_path / folder, **options)

    return write
