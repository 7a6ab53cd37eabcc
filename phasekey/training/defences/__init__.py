"""Training against leaks: an adversary learns beside the encoder, and the encoder learns to fool it.

`paper` is the critic of Eq. 8-9. `hardened` is a search through the angles for vectors (docs/adr/0032), and
for maps a network that guesses the angle (docs/adr/0031).
"""

from phasekey.model import SplitNetwork
from phasekey.training.defences.angle import AngleDefence
from phasekey.training.defences.defence import Defence
from phasekey.training.defences.search import SearchDefence
from phasekey.training.defences.wasserstein import WassersteinDefence
from phasekey.training.settings.config import TrainConfig

__all__ = ["AngleDefence", "Defence", "SearchDefence", "WassersteinDefence", "build_defence"]


def build_defence(config: TrainConfig, network: SplitNetwork) -> Defence | None:
    """Build the defence that the settings ask for, for this network's features.

    Args:
        config: defence, critic, weight and steps.
        network: whose features are defended.

    Returns:
        On the CPU, as every new module; None for --defence none, and for forms without a secret.
    """
    if network.form != "complex" or config.defence_name == "none":
        return None
    shape, weight, steps = network.feature_shape, config.defence_weight, config.attack_steps
    if config.defence_name == "hardened" and len(shape) == 1:
        gaussian = network.decoy_source == "gaussian-features"
        return SearchDefence(shape, gaussian=gaussian, weight=weight, steps=steps)
    if config.defence_name == "hardened":
        return AngleDefence(shape, weight=weight, steps=steps)
    return WassersteinDefence(shape, kind=config.critic, angles=config.k, weight=weight, steps=steps)
