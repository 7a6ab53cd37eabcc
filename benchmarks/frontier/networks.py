"""What the cloud can compute: a network that a secret of O(k) commutes with, and one that it leaves as it is.

Every O(k)-equivariant map of X has the form X M(XᵀX) (Villar et al. 2021, "Scalars are universal"). Here
M(W) is U diag(g) V with gates g that a network reads from the norms |Xu|, u the columns of U. Both are
computed at the row of the feature: revealing the answer of X is answering for that row.
"""

from typing import cast

import torch
from torch import Tensor, nn

HIDDEN = 256  # columns of U, and units of a layer
SMALLEST = 1e-6  # under a root
DROPPED = 0.1  # of the units of a layer, in training


class Gram(nn.Module):
    """Reads |Xu| for HIDDEN vectors u.

    Args:
        values: D.
    """

    def __init__(self, values: int) -> None:
        super().__init__()
        self.project = nn.Linear(values, HIDDEN, bias=False)
        self.norm = nn.BatchNorm1d(HIDDEN)

    def forward(self, feature: Tensor, decoys: Tensor) -> tuple[Tensor, Tensor]:
        """Project the feature, and read the Gram matrix.

        Args:
            feature: a, (N, D).
            decoys: (n, r, D); each hides N / n features, one after another.

        Returns:
            aᵀu, and |Xu| brought to mean 0 and variance 1; each (N, HIDDEN).
        """
        own = self.project(feature)
        others = self.project(decoys).square().sum(1).repeat_interleave(len(feature) // len(decoys), 0)
        return own, self.norm((own.square() + others + SMALLEST).sqrt())


class Cloud(nn.Module):
    """An equivariant network with the read-out beside it: it begins as the read-out, and can only add.

    Args:
        weight, bias: of the linear read-out, (C, D) and (C,).
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        classes, values = weight.shape
        self.read_out = nn.Linear(values, classes)
        self.gram, self.gates = Gram(values), _perceptron(HIDDEN)
        self.answer = nn.Linear(HIDDEN, classes, bias=False)
        with torch.no_grad():
            self.read_out.weight.copy_(weight)
            self.read_out.bias.copy_(bias)
            self.answer.weight.zero_()

    def forward(self, feature: Tensor, decoys: Tensor) -> Tensor:
        """Answer for the row of the feature, (N, C); arguments as those of `Gram`."""
        own, gram = self.gram(feature, decoys)
        return cast(Tensor, self.read_out(feature) + self.answer(self.gates(gram) * own))


class Attacker(nn.Module):
    """Names the label from XᵀX, which is all that X tells.

    Args:
        values: D.
        classes: how many.
    """

    def __init__(self, values: int, classes: int) -> None:
        super().__init__()
        self.gram, self.label = Gram(values), _perceptron(classes)

    def forward(self, feature: Tensor, decoys: Tensor) -> Tensor:
        """Guess, (N, C); arguments as those of `Gram`. The feature enters through the Gram matrix alone."""
        return cast(Tensor, self.label(self.gram(feature, decoys)[1]))


def _perceptron(outputs: int) -> nn.Sequential:
    layer = [nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Dropout(DROPPED)]
    return nn.Sequential(*layer, nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, outputs))


class Plain(nn.Module):
    """Answers from the feature as it is: what its D values tell, with nothing hidden.

    Args:
        values: D.
        classes: how many.
    """

    def __init__(self, values: int, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(values, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.GELU(), _perceptron(classes)
        )

    def forward(self, feature: Tensor, _: Tensor) -> Tensor:
        """Answer, (N, C), without a look at decoys."""
        return cast(Tensor, self.layers(feature))
