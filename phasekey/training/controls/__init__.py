"""Controls: what a device could do without any cloud, and how far answers hang on the secret."""

from phasekey.training.controls.answers import Interval, answers, encode
from phasekey.training.controls.comparison import Comparison, compare
from phasekey.training.controls.of_checkpoint import compare_checkpoint, write_facts
from phasekey.training.controls.own_network import OwnNetwork, own_network
from phasekey.training.controls.read_out import ReadOut, added_by_cloud, linear_read_out
from phasekey.training.controls.stability import Stability, stability

__all__ = [
    "Comparison",
    "Interval",
    "OwnNetwork",
    "ReadOut",
    "Stability",
    "added_by_cloud",
    "answers",
    "compare",
    "compare_checkpoint",
    "encode",
    "linear_read_out",
    "own_network",
    "stability",
    "write_facts",
]
