"""The bundle: what one export wrote, and what ties its edge and cloud halves together."""

from phasekey.bundle.tensors import TensorSpec

__all__ = ["TensorSpec"]
