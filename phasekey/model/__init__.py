"""Networks split in encoder, processing module and decoder, and the complex layers between them."""

from phasekey.model.architectures import NAMES, describe
from phasekey.model.decoys import DecoyLaw
from phasekey.model.errors import ModelError
from phasekey.model.heads import HeadName
from phasekey.model.network import FORMS, Form, SplitNetwork, Task

__all__ = ["FORMS", "NAMES", "Form", "ModelError", "SplitNetwork", "Task", "build_network"]


def build_network(
    arch: str,
    *,
    classes: int,
    image: tuple[int, int, int],
    variant: str | None = None,
    form: Form = "complex",
    gamma: float = 0.0,
    head: HeadName = "paper",
    width: int | None = None,
    decoy: DecoyLaw = "another-input",
    task: Task = "classes",
) -> SplitNetwork:
    """The network of `--arch`, `--variant` and `--form` for images (C, H, W) and a number of classes.

    The other arguments are SplitNetwork's. Raises ModelError for an unknown name or an image that the
    layers do not fit.
    """
    return SplitNetwork(
        describe(arch, variant),
        classes=classes,
        image=image,
        form=form,
        gamma=gamma,
        head=head,
        width=width,
        decoy=decoy,
        task=task,
    )
