"""Networks split in encoder, processing module and decoder, and the equivariant layers between them."""

from phasekey.model.architectures import NAMES, Split, describe
from phasekey.model.errors import ModelError
from phasekey.model.heads import HeadName
from phasekey.model.hiding.decoys import DecoyLaw
from phasekey.model.hiding.secrets import SecretKind
from phasekey.model.network import FORMS, Form, SplitNetwork, Task

__all__ = ["FORMS", "NAMES", "Form", "ModelError", "SplitNetwork", "Task", "build_network"]


def build_network(
    arch: str,
    *,
    classes: int,
    image: tuple[int, int, int],
    variant: str | None = None,
    split: Split = "paper",
    form: Form = "complex",
    gamma: float = 0.0,
    head: HeadName = "paper",
    width: int | None = None,
    decoy: DecoyLaw = "another-input",
    task: Task = "classes",
    secret: SecretKind = "rotation",
    components: int = 2,
    sigma: float = 1.0,
) -> SplitNetwork:
    """Build the network of `--arch`, `--variant` and `--form`.

    Args:
        arch: one of NAMES.
        classes: outputs of the last layer.
        image: (C, H, W) of the input.
        variant: alpha or beta, of ResNets split as the paper says.
        split: where the paper says, or early.
        form, gamma, head, width, decoy, task, secret, components, sigma: SplitNetwork's.

    Raises:
        ModelError: for an unknown name, arguments that contradict each other, or an image that the layers do
            not fit.
    """
    return SplitNetwork(
        describe(arch, variant, split),
        classes=classes,
        image=image,
        form=form,
        gamma=gamma,
        head=head,
        width=width,
        decoy=decoy,
        task=task,
        secret=secret,
        components=components,
        sigma=sigma,
    )
