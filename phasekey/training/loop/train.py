"""The training loop: epochs, and what is written of them, so that a run can be cut off anywhere."""

import time
from collections.abc import Callable
from pathlib import Path

import torch

from phasekey.training.checkpoint import save_checkpoint
from phasekey.training.data.dataset import ImageDataset
from phasekey.training.errors import DivergedError, TrainingError
from phasekey.training.loop.board import Board
from phasekey.training.loop.metrics import EpochMetrics, write_metrics
from phasekey.training.loop.run import Run
from phasekey.training.own import OwnNetwork
from phasekey.training.settings.config import TrainConfig
from phasekey.training.state import StateFile

MODEL_FILE = "model.pt"
METRICS_FILE = "metrics.jsonl"
STATE_FILE = "state.pt"

OnEpoch = Callable[[EpochMetrics], None]


def train(
    config: TrainConfig,
    dataset: ImageDataset,
    *,
    own: OwnNetwork | None = None,
    progress: bool = False,
    on_epoch: OnEpoch | None = None,
    fresh: bool = False,
) -> Path:
    """Train, writing model.pt anew after every epoch beside metrics.jsonl.

    An unfinished run of the same settings in config.out goes on where it was. The same seed gives the same
    weights on the same machine with one thread, however often the run was killed. torch's global random state
    is left as it was.

    Args:
        config: settings; the files go to its `out`.
        dataset: images to train and test on.
        own: a network of the caller's, trained in place of the one that the settings name: see
            phasekey.training.fit.
        progress: show a bar.
        on_epoch: called with the figures of each epoch, in the main process.
        fresh: drop an unfinished run.

    Returns:
        The path of model.pt.

    Raises:
        TrainingError: where a folder cannot be written or holds an unfinished run of other settings, and as
            DivergedError where the loss stops being a number; model.pt is then that of the last good epoch.
    """
    _make_folder(config.out)
    dataset = dataset.at_most(config.images)
    with torch.random.fork_rng(), Board(config.out if config.tensorboard else None) as board:
        writer = _Writer(Run(config, dataset, own=own, progress=progress), board)
        writer.begin(fresh)
        while writer.run.number <= config.epochs:
            writer.epoch()
            if on_epoch is not None and writer.is_main_process:
                on_epoch(writer.run.finished[-1])
        writer.finish()
    return config.out / MODEL_FILE


class _Writer:
    """Keeps the files of a run in step with it: state first lost, last deleted.

    Killed between two writes, a run goes back to its last state and writes the same again.
    """

    def __init__(self, run: Run, board: Board) -> None:
        self.run, self.board, self.folder = run, board, run.config.out
        self.state = StateFile(self.folder / STATE_FILE, run.identity())
        self.is_main_process = run.rank == 0  # of several processes, one writes
        self.saved = time.monotonic()

    def begin(self, fresh: bool) -> None:
        """Take up an unfinished run if there is one; `fresh` drops it.

        Raises:
            TrainingError: where it is of other settings, or damaged.
        """
        if fresh and self.is_main_process:
            self.state.discard()
        self.run.accelerator.wait_for_everyone()
        state = self.state.load()
        if state is not None:
            self.run.load_state_dict(state)

    def epoch(self) -> None:
        """One epoch and its files. A run that diverged is over: it would diverge again."""
        try:
            self.run.epoch(self._now_and_then)
        except DivergedError:
            self.state.discard()
            raise
        if self.is_main_process:
            save_checkpoint(self.folder / MODEL_FILE, self.run.checkpoint())
            write_metrics(self.folder / METRICS_FILE, self.run.finished)
            self.board.add(self.run.finished[-1])
            self._save()
        self.run.accelerator.wait_for_everyone()

    def _now_and_then(self) -> None:
        due = time.monotonic() - self.saved >= self.run.config.save_every
        if due and self.is_main_process:
            self.run.require_finite(self.run.learner.largest_weight())
            self._save()

    def _save(self) -> None:
        self.state.save(self.run.state_dict())
        self.saved = time.monotonic()

    def finish(self) -> None:
        """All epochs are done: nothing is left to go on with."""
        if self.is_main_process:
            self.state.discard()


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"cannot write to --out {str(path)!r}: {error.strerror}") from error
