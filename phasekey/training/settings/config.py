"""What a training run is: every setting in one frozen dataclass, from which the command line is made.

Needs no torch, so that `phasekey train --help` works in any install.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from phasekey.training.errors import TrainingError

Split = Literal["paper", "early"]
Optimiser = Literal["adamw", "sgd"]
Schedule = Literal["cosine", "step", "constant"]
Augmentation = Literal["auto", "crop-flip", "resized-crop-flip", "flip", "shift", "none"]
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "bfloat16"]
Head = Literal["paper", "light", "bottleneck", "deep-bottleneck", "norm-bottleneck"]
Decoy = Literal["auto", "another-input", "mixture", "gaussian", "archive"]
Secret = Literal["rotation", "orthogonal", "permutation"]
DefenceName = Literal["auto", "paper", "hardened", "none"]
CriticKind = Literal["clip", "gp"]

# Values of a bottleneck's feature where --width is not given.
DEFAULT_WIDTHS = {"bottleneck": 128, "deep-bottleneck": 12, "norm-bottleneck": 12}
ROTATION = "rotation"
# Settings that say where and how often something is written, not what.
OPERATIONAL = frozenset({"out", "save_every", "tensorboard"})


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@dataclass(frozen=True)
class TrainConfig:
    """One training run. Raises TrainingError for a value out of range, naming it."""

    arch: str = field(default="lenet", metadata=_help("network to train"))
    variant: str | None = field(
        default=None,
        metadata=_help("where the paper splits a ResNet: alpha or beta; other networks have none"),
    )
    split: Split = field(
        default="paper",
        metadata=_help(
            "where the network is cut: paper, as section 5.1 says; early, after the stem or first block, "
            "with all but the last layer in the cloud, so that the device does little; --head is then light "
            "unless you say otherwise"
        ),
    )
    form: str = field(
        default="complex",
        metadata=_help(
            "complex is the private network; original, additional and noisy are its baselines; canonical is "
            "the original inside a frame that an orthogonal secret passes through: as accurate, trained as "
            "fast, and hides as much as a permutation does, one of k. Choose it for ResNets under an "
            "orthogonal secret, whose accuracy norm gates cost; of a small network the cloud's time is three "
            "times the plain one's, and decoys come from an archive"
        ),
    )
    gamma: float = field(  # mean magnitudes of the feature
        default=0.0, metadata=_help("noise of the noisy form, in mean magnitudes of the feature")
    )
    head: Head = field(
        default="paper",
        metadata=_help(
            "what the encoder ends in: paper, its generator; light, one 1 × 1 convolution; bottleneck, a "
            "linear layer to --width values "
            "and batch norm, which leaks less and sends less; deep-bottleneck, convolutions and a hidden "
            "layer before that, which --defence hardened can hide best; norm-bottleneck, a deep one whose "
            "feature has one length for all images, as a bound needs; original, noisy and canonical forms "
            "have none"
        ),
    )
    width: int | None = field(
        default=None,
        metadata=_help("values of a bottleneck's feature (if not given 128, of a deep or norm one 12)"),
    )
    decoy: Decoy = field(
        default="auto",
        metadata=_help(
            "what hides the feature in training: another image's feature, a mixture of two others', or "
            "Gaussian values of the feature's own size, times --sigma; archive: other images' features, for "
            "devices that bring images of their own; auto: Gaussian for bottlenecks that are hardened, whose "
            "devices draw the same, and another image's feature for all others"
        ),
    )
    secret: Secret = field(
        default="rotation",
        metadata=_help(
            "what mixes the feature with its decoys: rotation, the paper's, of two components; orthogonal, "
            "any rotation or reflection of --components; permutation, a secret order, for networks of the "
            "forms original and additional"
        ),
    )
    components: int = field(
        default=2, metadata=_help("the feature and its decoys that are mixed; a rotation has 2")
    )
    sigma: float = field(default=1.0, metadata=_help("size of Gaussian decoys over that of the feature"))
    draws: int = field(
        default=1, metadata=_help("draws of decoys and secret for each training image and step")
    )
    consistency: float = field(
        default=0.0,
        metadata=_help(
            "weight, in the loss, of how far the answers under --draws lie apart; they then hang less on the "
            "secret"
        ),
    )
    defence: DefenceName = field(
        default="auto",
        metadata=_help(
            "training against leaks, of rotations only: paper, a critic that tells features from "
            "wrongly unrotated ones; hardened, attackers of the angle itself, at its best with "
            "--head deep-bottleneck; none; auto: the paper's for rotations, none for other secrets"
        ),
    )
    critic: CriticKind = field(
        default="gp",
        metadata=_help("how the paper's critic is kept smooth: gradient penalty, or weight clipping"),
    )
    k: int = field(default=3, metadata=_help("angles of the paper's defence: the right one and k - 1 wrong"))
    defence_weight: float = field(
        default=1.0,
        metadata=_help("weight of the defence's loss beside the task's; 0 trains only its attacker"),
    )
    attack_steps: int = field(
        default=1, metadata=_help("updates of the defence's attacker for each of the encoder's")
    )
    data: str = field(
        default="digits",
        metadata=_help(
            "digits (1,797 real handwritten digits, embedded); a folder or .tar/.tar.gz archive laid out as "
            "train/CLASS/IMAGE and test/CLASS/IMAGE; cifar10:PATH, cifar100:PATH, cifar100-coarse:PATH, "
            "celeba:PATH, cub200:PATH or cub200-boxes:PATH, as published; or hub:OWNER/NAME"
        ),
    )
    image_size: int | None = field(  # pixels per side
        default=None, metadata=_help("resize every image to this many pixels per side")
    )
    images: int | None = field(
        default=None,
        metadata=_help(
            "train and test on at most so many images of each split, evenly spaced, where all take too long"
        ),
    )
    augment: Augmentation = field(
        default="auto",
        metadata=_help(
            "crop-flip: random crops and mirror images; resized-crop-flip: crops of any size, for large "
            "photographs; flip: mirror images alone; shift: small shifts only, for writing and other "
            "things that have a left and a right; auto: what suits the data"
        ),
    )
    epochs: int = field(default=5, metadata=_help("passes over the training images"))
    batch_size: int = field(default=64, metadata=_help("images per step"))
    optimiser: Optimiser = field(default="adamw", metadata=_help("adamw, or sgd with Nesterov momentum 0.9"))
    lr: float = field(default=2e-3, metadata=_help("largest learning rate; sgd wants about 0.05"))
    weight_decay: float = field(
        default=1e-2, metadata=_help("decay of the weights per unit of learning rate")
    )
    schedule: Schedule = field(
        default="cosine",
        metadata=_help(
            "how the learning rate falls after the warm-up: cosine, down to zero; step, to a tenth after one "
            "half of the run and to a hundredth after three quarters"
        ),
    )
    warmup: float = field(  # epochs
        default=0.5, metadata=_help("epochs over which the learning rate rises from zero")
    )
    seed: int = field(default=0, metadata=_help("same seed, same machine, one thread: same weights"))
    device: Device = field(
        default="auto",
        metadata=_help("auto takes the GPU where there is one; for several, see `accelerate launch` below"),
    )
    precision: Precision = field(
        default="float32", metadata=_help("bfloat16: mixed precision, for GPUs that are fast at it")
    )
    out: Path = field(
        default=Path("runs/train"),
        metadata=_help(
            "folder for model.pt and metrics.jsonl; an unfinished run there goes on, "
            "a finished one is replaced"
        ),
    )
    save_every: float = field(  # seconds
        default=60.0,
        metadata=_help("seconds between saves of the state, from which a run that was killed goes on"),
    )
    tensorboard: bool = field(
        default=False, metadata=_help("also write the figures to FOLDER/tensorboard, for TensorBoard")
    )

    def __post_init__(self) -> None:
        least_of = {
            "epochs": 1, "batch_size": 2, "image_size": 1, "images": 2, "width": 1, "k": 2, "attack_steps": 1,
            "components": 2, "draws": 1,
        }  # fmt: skip
        for name, least in least_of.items():
            _require(self, name, f"a whole number of at least {least}", lambda v, least=least: v >= least)
        _require(self, "lr", "a number above 0 and at most 100", lambda v: 0 < v <= 100)
        _require(self, "weight_decay", "a number from 0 to 1", lambda v: 0 <= v <= 1)
        _require(self, "gamma", "a number, 0 or more", lambda v: 0 <= v < float("inf"))
        _require(self, "warmup", "a number of epochs, 0 or more", lambda v: 0 <= v < float("inf"))
        _require(self, "save_every", "a number of seconds, 0 or more", lambda v: v >= 0)
        _require(self, "seed", "a whole number from 0 to 2**63 - 1", lambda v: 0 <= v < 2**63)
        _require(self, "defence_weight", "a number, 0 or more", lambda v: 0 <= v < float("inf"))
        _require(self, "sigma", "a number above 0", lambda v: 0 < v < float("inf"))
        _require(self, "consistency", "a number, 0 or more", lambda v: 0 <= v < float("inf"))
        choices = {
            "split": Split,
            "optimiser": Optimiser, "schedule": Schedule, "augment": Augmentation, "device": Device,
            "precision": Precision,
            "head": Head, "decoy": Decoy, "secret": Secret, "defence": DefenceName, "critic": CriticKind,
        }  # fmt: skip
        for name, kind in choices.items():
            allowed = get_args(kind)
            _require(self, name, f"one of {', '.join(allowed)}", lambda v, allowed=allowed: v in allowed)
        self._require_a_fit()

    def _require_a_fit(self) -> None:
        """What takes two settings to see, before any data is read; the network checks the rest."""
        if self.form == "complex" and self.defence_name != "none" and self.secret != ROTATION:
            raise TrainingError(
                f"--defence {self.defence} searches the angles of a rotation, but --secret is {self.secret}; "
                "use --defence none"
            )
        if self.consistency > 0 and (self.draws == 1 or self.form != "complex"):
            raise TrainingError(
                "--consistency compares answers under several draws: use --draws 2 or more, and the complex "
                "form"
            )

    @property
    def decoy_law(self) -> str:
        """The law of decoys in training, as `build_network` takes it: `auto` made out."""
        if self.decoy != "auto":
            return self.decoy
        if self.form == "canonical":
            return "archive"
        return "gaussian" if self.defence == "hardened" and self.head != "paper" else "another-input"

    @property
    def defence_name(self) -> str:
        """The defence of training: `auto` made out."""
        if self.defence != "auto":
            return self.defence
        return "paper" if self.secret == ROTATION else "none"

    def facts(self) -> dict[str, Any]:
        """The settings that shape the result, as plain values for a checkpoint.

        Images that came from memory have no words after --data; then there is none here.
        """
        left_out = OPERATIONAL if self.data else OPERATIONAL | {"data"}
        kept = {name: value for name, value in asdict(self).items() if name not in left_out}
        return {**kept, "decoy": self.decoy_law, "defence": self.defence_name}


def _require(config: TrainConfig, name: str, expected: str, holds: Any) -> None:
    value = getattr(config, name)
    if value is not None and not holds(value):
        raise TrainingError(f"--{name.replace('_', '-')} takes {expected}; got {value!r}")
