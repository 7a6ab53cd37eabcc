"""The end of a round: weights that were proved become the next checkpoint; others are refused."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from export.checks.evidence import prove_for
from export.graphs import build_graphs
from phasekey.federated.errors import FederatedError
from phasekey.federated.travelling import put, renew_norms
from phasekey.federated.updates import Arrays
from phasekey.training.centring import centre_features
from phasekey.training.checkpoint import Checkpoint, save_checkpoint
from phasekey.training.data.dataset import Split
from phasekey.training.data.lazy import Images
from phasekey.training.evaluate import Accuracy, evaluate


@dataclass(frozen=True)
class Public:
    """Images that nobody needs to hide.

    Attributes:
        proxy: uint8 (N, H, W, C), which norms are renewed by.
        test: which a round is scored on.
    """

    proxy: Images
    test: Split


def require_proved(checkpoint: Checkpoint) -> None:
    """Prove, as the exporter does, that the processing graph commutes with the secret.

    Raises:
        FederatedError: where it is not proved; the cloud could not compute without knowing the secret.
    """
    verdict = prove_for(checkpoint.network, build_graphs(checkpoint.network).processing)
    if not verdict.proved:
        raise FederatedError(
            f"the round's result is refused: its processing graph is not proved to commute with the secret "
            f"({verdict.failure}); the weights of the round before stay"
        )


def end_round(
    checkpoint: Checkpoint,
    weights: Arrays,
    public: Public,
    path: Path,
    facts: dict[str, Any],
    *,
    thawed: bool,
) -> Accuracy:
    """Write a round's result as model.pt: norms from public images, centred if the encoder moved, proved.

    Args:
        checkpoint: of the round before; its network takes the weights.
        weights: that travelled.
        public: images that nobody needs to hide.
        path: of model.pt, written whole or not at all.
        facts: of the round, for the checkpoint.
        thawed: the encoder's weights are among them.

    Returns:
        Of the test images.

    Raises:
        FederatedError: the result is not proved, or the weights are of another network.
        TrainingError: the disk refuses.
    """
    put(checkpoint.network, weights, thawed=thawed)
    if thawed:
        centre_features(checkpoint.network, public.proxy, torch.device("cpu"))
    renew_norms(checkpoint.network, public.proxy)
    require_proved(checkpoint)
    images = torch.from_numpy(np.ascontiguousarray(public.test.images[:]))
    accuracy = evaluate(checkpoint.network, images, torch.from_numpy(public.test.labels))
    scores = {"test_accuracy": accuracy.hidden, "test_accuracy_plain": accuracy.plain}
    save_checkpoint(path, replace(checkpoint, facts={**checkpoint.facts, **scores, "federated": facts}))
    return accuracy
