"""How far a network's answers hang on secret and decoys."""

from dataclasses import dataclass

from phasekey.model import SplitNetwork
from phasekey.training.controls.answers import answers
from phasekey.training.data.dataset import Split


@dataclass(frozen=True)
class Stability:
    """How far answers hang on secret and decoys.

    Args:
        accuracies: of each draw over all images.
        changing: share of the images that got more than one label.
    """

    accuracies: tuple[float, ...]
    changing: float


def stability(network: SplitNetwork, test: Split, draws: int = 10) -> Stability:
    """Answer every test image under several secrets and decoys, drawn as in `evaluate`.

    Args:
        network: trained, of a task of classes; left in evaluation mode.
        test: images and labels.
        draws: secrets for each image.

    Returns:
        Stability; the same for the same network.
    """
    given = answers(network, test.images, draws)
    accuracies = tuple(float(share) for share in (given == test.labels).mean(1))
    return Stability(accuracies, float((given != given[0]).any(0).mean()))
