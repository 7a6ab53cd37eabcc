"""Training against leaks: an adversary learns beside the encoder, and the encoder learns to fool it.

`paper` is the critic of Eq. 8-9, `hardened` a network that guesses the angle (docs/adr/0031).
"""

from phasekey.model import SplitNetwork
from phasekey.training.config import TrainConfig
from phasekey.training.defences.angle import AngleDefence
from phasekey.training.defences.defence import Defence
from phasekey.training.defences.wasserstein import WassersteinDefence

__all__ = ["AngleDefence", "Defence", "WassersteinDefence", "build_defence"]


def build_defence(config: TrainConfig, network: SplitNetwork) -> Defence | None:
    """The defence that the settings ask for, for this network's features.

    None for --defence none, and for forms without a rotation. It lies on the CPU, as every new module.
    """
    if network.form != "complex" or config.defence == "none":
        return None
    if config.defence == "hardened":
        return AngleDefence(network.feature_shape, weight=config.defence_weight)
    return WassersteinDefence(
        network.feature_shape, weight=config.defence_weight, kind=config.critic, angles=config.k
    )
