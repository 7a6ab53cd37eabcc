"""One call trains a network of one's own as `phasekey train` trains ours: `phasekey.training.fit`."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from tqdm import tqdm

from phasekey.model import SplitNetwork
from phasekey.training.data.dataset import ImageDataset
from phasekey.training.data.registry import load_dataset
from phasekey.training.errors import TrainingError
from phasekey.training.loop.train import OnEpoch, train
from phasekey.training.own import OwnNetwork, own_network
from phasekey.training.settings.config import TrainConfig

# What the network itself says.
OF_THE_NETWORK = frozenset(
    {"arch", "variant", "form", "gamma", "head", "width", "decoy", "secret", "components", "sigma"}
)
# What fit has arguments for, and what is of networks that have a name.
NOT_SET = frozenset({"data", "out", "split"})
SETTINGS = tuple(field.name for field in fields(TrainConfig) if field.name not in OF_THE_NETWORK | NOT_SET)


def fit(
    network: SplitNetwork,
    data: str | ImageDataset,
    *,
    out: str | Path,
    fresh: bool = False,
    progress: bool = True,
    on_epoch: OnEpoch | None = None,
    **settings: Any,
) -> Path:
    """Train a network of one's own, with decoys, defence, checkpoints and resume as in `phasekey train`.

    The network is trained in place, and lies on the CPU in evaluation mode afterwards. A run that was cut off
    goes on from OUT/state.pt when the same call comes again, whatever weights the network has then.

    Args:
        network: of phasekey.model.split, or a SplitNetwork of one's own description.
        data: the words of `phasekey train --data`, or a data set in memory. With words, `phasekey audit`
            and int8 exports find the images by themselves.
        out: folder for model.pt, which export and audit take as --ckpt, and metrics.jsonl.
        fresh: start anew where an unfinished run would otherwise go on.
        progress: show a bar, and a line for each epoch.
        on_epoch: called with the figures of each epoch, in place of that line.
        **settings: as phasekey.training.settings.config.TrainConfig has them: epochs, defence, lr, ...

    Returns:
        The path of model.pt.

    Raises:
        TrainingError: settings or data that cannot be, a network that does not fit the data or was changed
            after it was built, a loss that stops being a number, or a disk that refuses.
    """
    _require_known(settings)
    words = data if isinstance(data, str) else ""
    size = settings.get("image_size")
    dataset = load_dataset(data, size, progress=progress) if isinstance(data, str) else data
    own = own_network(network, dataset)
    config = _config(own, {**settings, "data": words, "out": Path(out)})
    say = on_epoch
    if say is None and progress:
        say = lambda metrics: tqdm.write(metrics.sentence(config.epochs))  # noqa: E731
    try:
        return train(config, dataset, own=own, progress=progress, on_epoch=say, fresh=fresh)
    finally:
        network.cpu().eval()


def _config(own: OwnNetwork, settings: dict[str, Any]) -> TrainConfig:
    said = {name: own.architecture[name] for name in OF_THE_NETWORK}
    return TrainConfig(**said, **settings)


def _require_known(settings: dict[str, Any]) -> None:
    for name in settings:
        if name in OF_THE_NETWORK:
            raise TrainingError(f"fit takes no {name}: the network has its own; give it to split")
        if name not in SETTINGS:
            raise TrainingError(f"fit has no setting {name!r}; it takes {', '.join(SETTINGS)}")
