"""The two layouts of tensors of k components (section 4.2 has k = 2, the real and the imaginary part).

Block layout, used by everything exported and on the wire: (N, kC, ...), component 0 first.
Folded layout, used inside the processing module: (kN, C, ...), component 0's N samples first. A bias-free
real layer acts on all blocks of a folded tensor alike, which is all that equivariance asks of it.
"""

import torch
from torch import Tensor


def fold(x: Tensor, components: int = 2) -> Tensor:
    """Go from block layout to folded layout.

    Args:
        x: (N, kC, ...).
        components: k.

    Returns:
        (kN, C, ...).
    """
    return torch.cat(torch.split(x, x.shape[1] // components, dim=1), dim=0)


def blocks(f: Tensor, components: int = 2) -> Tensor:
    """View a folded tensor by its components.

    Every split of a folded batch goes by this reshape: its sizes hold for any N when traced for export.

    Args:
        f: folded layout, (kN, C, ...).
        components: k.

    Returns:
        (k, N, C, ...).
    """
    return f.reshape(components, -1, *f.shape[1:])


def unfold(f: Tensor, components: int = 2) -> Tensor:
    """Go from folded layout (kN, C, ...) back to block layout (N, kC, ...).

    Args:
        f: (kN, C, ...).
        components: k.

    Returns:
        (N, kC, ...).
    """
    return torch.cat(blocks(f, components).unbind(0), dim=1)
