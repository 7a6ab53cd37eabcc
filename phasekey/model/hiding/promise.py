"""What a network promises of one transmission, by which theorem, under which assumptions (docs/adr/0034)."""

from typing import Any

from phasekey.guarantee import nats_per_transmission
from phasekey.model.network import SplitNetwork

NATS = (
    "Matrix and decoys follow from the device's key; decoys are Gaussian to the precision of floats; every "
    "feature has the length that the encoder's last layer gives it."
)
ONE_OF_K = (
    "Matrix and order follow from the device's key; decoys are private images of the inputs' kind that the "
    "cloud has not seen, each used once."
)


def guarantee_of(network: SplitNetwork) -> dict[str, Any] | None:
    """Say what a network promises.

    Args:
        network: with its secret, components and decoys.

    Returns:
        The manifest's `guarantee`: nats by theorem B, one of k by theorem A, or None where neither holds, as
        in the paper's mode.
    """
    k = network.components
    if network.decoy_source == "archive" and network.secret != "rotation":
        return {"kind": "one-of-k", "k": k, "assumptions": ONE_OF_K}
    values = network.feature_shape[0]
    bounded = (
        network.secret == "orthogonal"
        and network.head == "norm-bottleneck"
        and network.decoy_source == "gaussian-features"
        and k > values
    )
    if not bounded:
        return None
    return {
        "kind": "nats",
        "nats_per_transmission": nats_per_transmission(values, k, network.sigma),
        "feature_values": values,
        "sigma": network.sigma,
        "components": k,
        "assumptions": NATS,
    }
