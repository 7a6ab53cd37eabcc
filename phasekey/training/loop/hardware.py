"""Device, precision and processes of a run, by accelerate (docs/adr/0040)."""

import os

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from phasekey.training.errors import TrainingError
from phasekey.training.settings.config import TrainConfig

PRECISIONS = {"float32": "no", "bfloat16": "bf16"}


def build_accelerator(config: TrainConfig) -> Accelerator:
    """Find the device of `--device` in the precision of `--precision`; several under `accelerate launch`.

    Args:
        config: settings of the run.

    Returns:
        What places tensors, averages gradients and counts processes.

    Raises:
        TrainingError: where this machine has no such device or precision.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "--device cuda was asked for but torch sees no CUDA device; use --device cpu or auto"
        )
    _forget_last_run()
    try:
        return Accelerator(cpu=config.device == "cpu", mixed_precision=PRECISIONS[config.precision])
    except ValueError as error:
        raise TrainingError(
            f"--precision {config.precision} does not work on this device; use --precision float32"
        ) from error


def is_main_process() -> bool:
    """Tell whether this process speaks and writes: of several, torchrun's first."""
    return os.environ.get("RANK", "0") == "0"


def _forget_last_run() -> None:
    """accelerate keeps one state for each process, and refuses a second run of another precision."""
    if AcceleratorState._shared_state and AcceleratorState().num_processes == 1:
        AcceleratorState._reset_state(reset_partial_state=True)
