"""The three ONNX graphs of a network: encoder, processing module, decoder.

Tensors of k components are k blocks on the channel axis. The batch is dynamic in all three.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import onnx
import torch
from torch import Tensor, nn

from export.errors import ExportError
from export.lowering import Stacked, lower
from phasekey.model import SplitNetwork
from phasekey.model.layers.layout import blocks

OPSET = 20  # served best of all that ONNX Runtime takes natively
Arithmetic = Literal["float32", "int8"]  # of the processing graph
EXAMPLE_BATCH = 2  # torch.export takes a size of 1 for a constant


@dataclass(frozen=True)
class Graphs:
    """The exported graphs, as ONNX models."""

    encoder: onnx.ModelProto
    processing: onnx.ModelProto
    decoder: onnx.ModelProto


class EdgeEncoder(nn.Module):
    """image (N, H, W, C), noise (N, (k-1)Z) -> feature a (N, C', H', W') and k - 1 decoys in blocks.

    uint8 images hold 0 to 255, float32 images 0 to 1. Decoys are drawn from the noise: usually the encoder's
    features of synthetic images, and all go through the encoder as one batch.
    """

    def __init__(self, network: SplitNetwork) -> None:
        super().__init__()
        self.encoder, self.sampler = network.encoder, network.sampler
        self.components, self.sigma = network.components, network.sigma
        self.noise_is_decoy = network.decoy_source == "gaussian-features"

    def forward(self, image: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        pixels = pixels_of(image)
        if self.noise_is_decoy:
            return self.encoder(pixels), noise if self.sigma == 1.0 else self.sigma * noise
        together = self.encoder(torch.cat([pixels, self.sampler(self._each(noise))]))
        feature, *decoys = blocks(together, self.components).unbind(0)
        return feature, decoys[0] if len(decoys) == 1 else torch.cat(decoys, dim=1)

    def _each(self, noise: Tensor) -> Tensor:
        """(N, (k-1)Z) -> ((k-1)N, Z): the first decoys of all images, then the second ones, …"""
        if self.components == 2:
            return noise
        apart = noise.reshape(-1, self.components - 1, self.sampler.noise_size)
        return apart.transpose(0, 1).flatten(0, 1)


class ArchiveEncoder(nn.Module):
    """image (N, H, W, C) -> feature a (N, C', H', W').

    Decoys are features of images that the device keeps.
    """

    def __init__(self, network: SplitNetwork) -> None:
        super().__init__()
        self.encoder = network.encoder

    def forward(self, image: Tensor) -> Tensor:
        feature: Tensor = self.encoder(pixels_of(image))
        return feature


def pixels_of(image: Tensor) -> Tensor:
    """(N, H, W, C), uint8 or float32 -> (N, C, H, W) in [0, 1]."""
    pixels = image.permute(0, 3, 1, 2)
    return pixels.float() / 255 if image.dtype == torch.uint8 else pixels


class EdgeDecoder(nn.Module):
    """feature = row 0 of Qᵀh, (N, D) or (N, C, H, W) -> probabilities (N, K).

    Of classes, they sum to 1; of attributes, each has its own.
    """

    def __init__(self, network: SplitNetwork) -> None:
        super().__init__()
        self.decoder, self.task = network.decoder, network.task

    def forward(self, feature: Tensor) -> Tensor:
        logits: Tensor = self.decoder(feature)
        return torch.sigmoid(logits) if self.task == "attributes" else torch.softmax(logits, dim=-1)


def build_graphs(
    network: SplitNetwork,
    *,
    image_dtype: torch.dtype = torch.uint8,
    arithmetic: Arithmetic = "float32",
) -> Graphs:
    """Trace the three parts of a network, in inference mode.

    Args:
        network: of a form that hides; it is put into inference mode.
        image_dtype: what the encoder takes: torch.uint8, 0 to 255, or torch.float32, 0 to 1.
        arithmetic: what the processing graph will be run in; for int8 all components are kept in one tensor,
            so that export.conversion.quantise gives them one scale.

    Returns:
        The graphs, of float32.

    Raises:
        ExportError: another form, a frame in int8, or decoys that no device could draw.
    """
    if network.form == "canonical" and arithmetic == "int8":
        raise ExportError(
            "the canonical form finds features by their zeros, which int8 rounds away; export it with "
            "--processing float32"
        )
    if not network.mixes and network.secret != "permutation":
        raise ExportError(
            f"only forms that mix can be exported with the secret {network.secret!r}, but this checkpoint "
            f"holds the form {network.form!r}: it has no processing module that works without the secret; "
            "train with --form complex or canonical, or a plain form with --secret permutation"
        )
    if network.decoy == "gaussian" and network.decoy_source != "gaussian-features":
        raise ExportError(
            "this network was trained with Gaussian decoys, which a device can draw for the bottleneck head "
            f"only, but its head is {network.head!r}; train with --head bottleneck, or another --decoy"
        )
    network = network.eval()
    mixed = network.components if network.mixes else 1
    x = torch.randn(EXAMPLE_BATCH, mixed * network.feature_shape[0], *network.feature_shape[1:])
    processing = lower(
        network.processing, network.feature_shape, form=Stacked if arithmetic == "int8" else None
    )
    processed = torch.randn(EXAMPLE_BATCH, *network.processed_shape)
    return Graphs(
        encoder=_trace_encoder(network, image_dtype),
        processing=trace(processing, {"x": x}, ["h"]),
        decoder=trace(EdgeDecoder(network), {"feature": processed}, ["probabilities"]),
    )


def _trace_encoder(network: SplitNetwork, image_dtype: torch.dtype) -> onnx.ModelProto:
    channels, height, width = network.image
    image = torch.zeros(EXAMPLE_BATCH, height, width, channels, dtype=image_dtype)
    if network.decoy_source == "archive":
        return trace(ArchiveEncoder(network), {"image": image}, ["feature"])
    noise = torch.zeros(EXAMPLE_BATCH, (network.components - 1) * network.noise_size)
    return trace(EdgeEncoder(network), {"image": image, "noise": noise}, ["feature", "decoy"])


def trace(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str]) -> onnx.ModelProto:
    """Trace one module as an ONNX graph with a dynamic batch.

    Args:
        module: put into inference mode.
        inputs: an example of each input, by name, in the order of its arguments; batches of 2.
        outputs: names, in order.

    Returns:
        The model, of opset 20.

    Raises:
        ExportError: torch's exporter gave nothing.
    """
    batch = torch.export.Dim("batch")
    with _quiet_exporter():
        program = torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=[{0: batch}] * len(inputs),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ExportError("the exporter returned no graph; torch 2.8 or later is needed")
    return program.model_proto


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """The exporter warns of its own internals and of torchvision, which nobody here can act on."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
