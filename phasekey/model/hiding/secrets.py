"""Secrets in torch: a matrix Q for each sample that mixes the feature with its decoys (docs/adr/0033).

M has k rows: row 0 is the feature a, the others are decoys. X = QM goes out, QᵀΦ(X) comes back, and its row 0
is the device's. The rotation of section 4.2 is k = 2: Q = [[cos θ, -sin θ], [sin θ, cos θ]].
These hide nothing of any device: they are for training and measuring. Devices draw theirs in the sdk.
"""

import math
from typing import Literal, get_args

import torch
from torch import Generator, Tensor

from phasekey.model.errors import ModelError

SecretKind = Literal["rotation", "orthogonal", "permutation"]
SECRETS: tuple[SecretKind, ...] = get_args(SecretKind)


def check_secret(kind: SecretKind, components: int) -> None:
    """Refuse a secret that does not exist.

    Args:
        kind: of SECRETS.
        components: k, the rows that are mixed.

    Raises:
        ModelError: for an unknown kind, fewer than two components, or a rotation of more than two.
    """
    if kind not in SECRETS:
        raise ModelError(f"unknown secret {kind!r}; choose one of {', '.join(SECRETS)}")
    if components < 2:
        raise ModelError(f"a secret mixes the feature with decoys: 2 components or more; got {components}")
    if kind == "rotation" and components != 2:
        raise ModelError(
            f"a rotation is of 2 components, but {components} were asked for; use the orthogonal secret"
        )


def draw_secret(
    kind: SecretKind,
    count: int,
    components: int = 2,
    *,
    generator: Generator | None = None,
    device: torch.device | None = None,
) -> Tensor:
    """Draw a secret for each of several samples.

    Args:
        kind: "rotation", uniform on SO(2); "orthogonal", Haar on O(k), by the QR decomposition of normal
            numbers, signs fixed by R's diagonal (Mezzadri 2007); "permutation", uniform on those of k rows.
        count: N.
        components: k.
        generator: of random numbers; torch's global one where None.
        device: where the result lies.

    Returns:
        Q, (N, k, k), float64.

    Raises:
        ModelError: as `check_secret`.
    """
    check_secret(kind, components)
    if kind == "rotation":
        return rotations(2 * math.pi * torch.rand(count, generator=generator, device=device))
    if kind == "permutation":
        order = torch.rand(count, components, generator=generator, device=device).argsort(1)
        return torch.eye(components, dtype=torch.float64, device=device)[order]
    normal = torch.randn(
        count, components, components, generator=generator, device=device, dtype=torch.float64
    )
    q, r = torch.linalg.qr(normal)
    secret: Tensor = q * r.diagonal(dim1=1, dim2=2).sign()[:, None, :]
    return secret


def rotations(theta: Tensor) -> Tensor:
    """Write angles as secrets of two components.

    Args:
        theta: (N,), radians.

    Returns:
        Q = [[cos θ, -sin θ], [sin θ, cos θ]], (N, 2, 2), float64.
    """
    cos, sin = theta.double().cos(), theta.double().sin()
    return torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)


def hide(rows: Tensor, secret: Tensor) -> Tensor:
    """Mix the rows of each sample: X = QM.

    Args:
        rows: M, (N, k, C, ...), row 0 the feature.
        secret: Q, (N, k, k).

    Returns:
        X in block layout, (N, kC, ...).
    """
    mixed = torch.bmm(secret.to(rows.dtype), rows.flatten(2))
    return mixed.reshape(len(rows), -1, *rows.shape[3:])


def reveal(h: Tensor, secret: Tensor) -> Tensor:
    """Take the feature's row out of what came back: row 0 of Qᵀh, the sum of Q[j, 0] times block j.

    Args:
        h: block layout, (N, kC, ...).
        secret: Q, (N, k, k).

    Returns:
        (N, C, ...).
    """
    components = secret.shape[1]
    mixed = h.reshape(len(h), components, -1)
    row = torch.bmm(secret[:, None, :, 0].to(h.dtype), mixed)
    return row.reshape(len(h), h.shape[1] // components, *h.shape[2:])
