"""The task's loss and score, for exclusive classes and for attributes that go together.

Which of the two a task is shows in the shape of its labels: (N,) class indices, or (N, A) zeros and ones.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Compute the mean loss of a batch.

    Args:
        logits: (N, K).
        labels: (N,) for cross-entropy; (N, K) for binary cross-entropy, averaged over images and attributes.

    Returns:
        A scalar, nats.
    """
    if labels.ndim == 1:
        return F.cross_entropy(logits, labels)
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


def disagreement(logits: Tensor, *, exclusive: bool) -> Tensor:
    """Measure how far several answers to one image lie apart, by their Jensen-Shannon divergence.

    Args:
        logits: (draws, N, K).
        exclusive: True for classes of which one is right; False for attributes, each with a law of its own.

    Returns:
        A scalar, nats: 0 where all draws answer alike, log(draws) at most. A mean over images, and over
        attributes.
    """
    if not exclusive:
        logits = torch.stack([logits, torch.zeros_like(logits)], dim=-1)
    log_laws = logits.float().log_softmax(-1)
    log_mean = log_laws.logsumexp(0) - log_laws.new_tensor(len(logits)).log()
    divergence: Tensor = (log_laws.exp() * (log_laws - log_mean)).sum(-1)
    return divergence.mean()


def num_correct(logits: Tensor, labels: Tensor) -> float:
    """Count the right answers.

    Args:
        logits: (N, K).
        labels: (N,) class indices, or (N, K) zeros and ones.

    Returns:
        0 to N; of attributes, each image counts by its share of right ones.
    """
    if labels.ndim == 1:
        return float((logits.argmax(1) == labels).sum())
    return float(((logits > 0) == (labels > 0)).float().mean(1).sum())
