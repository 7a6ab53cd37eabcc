"""The task's loss and score, for exclusive classes and for attributes that go together.

Which of the two a task is shows in the shape of its labels: (N,) class indices, or (N, A) zeros and ones.
"""

import torch.nn.functional as F
from torch import Tensor


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean loss of logits (N, K) as a scalar.

    labels (N,): cross-entropy. labels (N, K): binary cross-entropy, averaged over images and attributes.
    """
    if labels.ndim == 1:
        return F.cross_entropy(logits, labels)
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


def hits(logits: Tensor, labels: Tensor) -> float:
    """Right answers among the N images; of attributes, each image counts by its share of right ones."""
    if labels.ndim == 1:
        return float((logits.argmax(1) == labels).sum())
    return float(((logits > 0) == (labels > 0)).float().mean(1).sum())
