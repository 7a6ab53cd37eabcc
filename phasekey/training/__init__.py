"""Training of split networks: data, augmentation, the loop, its checkpoints; `fit` for networks of one's own.

Importing this package needs no torch; `fit`, `phasekey.training.loop.train` and
`phasekey.training.checkpoint` do.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phasekey.training.fitting import fit

__all__ = ["fit"]


def __getattr__(name: str) -> Any:
    if name == "fit":
        from phasekey.training.fitting import fit

        return fit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
