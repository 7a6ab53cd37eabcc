"""Audits built by hand, with figures of the size that research/privacy.md and short runs gave."""

import math
from collections.abc import Sequence

import numpy as np

from phasekey.audit.attack import CurvePoint, Leak
from phasekey.audit.result.catalogue import catalogue
from phasekey.audit.result.examples import Examples
from phasekey.audit.result.result import AttackResult, Audit, Figure

CIRCLE, HALF, QUARTER = math.pi / 2, math.pi / 4, math.pi / 8


def figure(
    key: str, value: float, chance: float, raw: float | None = None, *, half: float = 0.01, **beside: float
) -> Figure:
    """One with an interval of value ± half."""
    falls = key not in catalogue() or catalogue()[key].falls
    marks = {name.replace("_", " "): number for name, number in beside.items()}
    return Figure(key, f"what {key} says", value, value - half, value + half, chance, raw, falls, marks)


def attack(
    name: str, leak: Leak, *figures: Figure, curve: Sequence[CurvePoint] = (), skipped: str | None = None
) -> AttackResult:
    title = name.replace("-", " ").capitalize()
    return AttackResult(
        name, leak, title, "classical", f"How {name} goes about it.", f"What helps against {name}.",
        figures, tuple(curve), skipped,
    )  # fmt: skip


def falling(count: int = 20, rate: float = 0.08) -> tuple[CurvePoint, ...]:
    """Cut off while it improved."""
    return tuple(CurvePoint(40 * at, 1.02 - rate * at / 2, 1 - rate * at / 2) for at in range(1, count + 1))


def settled(count: int = 20) -> tuple[CurvePoint, ...]:
    """Improved early, then no more."""
    losses = [0.05 + 0.9 * math.exp(-at) for at in range(1, count + 1)]
    return tuple(CurvePoint(40 * at, loss * 0.9, loss) for at, loss in enumerate(losses, 1))


def angle_figures(circle: float, pi: float, half_pi: float) -> tuple[Figure, ...]:
    return (
        figure("angle_circle", circle, CIRCLE, constant_guess=1.5712),
        figure("angle_mod_pi", pi, HALF, constant_guess=0.7855),
        figure("angle_mod_half_pi", half_pi, QUARTER, constant_guess=0.3928),
    )


def image_figures(rmse: float, seen: float, raw: float | None = 0.0721) -> tuple[Figure, ...]:
    trivial = {"mean_image": 0.2471, "median_image": 0.2489, "another_image": 0.3512}
    return (
        figure("rmse", rmse, 0.2471, raw, half=0.002, **trivial),
        figure("mae", rmse * 0.8, 0.2053, None if raw is None else raw * 0.8, half=0.002),
        figure(
            "ssim", 0.091 + 4 * (0.2471 - rmse), 0.091, None if raw is None else 0.091 + 4 * (0.2471 - raw)
        ),
        figure(
            "psnr", -20 * math.log10(rmse), 12.3, None if raw is None else -20 * math.log10(raw), half=0.1
        ),
        figure("recognised", seen, 0.1, 0.68),
    )


SUBJECT = {
    "name": "lenet-cifar10", "kind": "checkpoint", "sha256": "5b" * 32, "network": "lenet", "form": "complex",
    "gamma": None, "defence": "paper", "head": "paper", "feature": [6, 14, 14], "data": "cifar10-jpeg",
    "decoy_law": "device", "keys": "derived", "box": "white", "incomplete": None,
}  # fmt: skip
SPLITS = {"train": 8000, "validation": 1000, "test": 1000}
EFFORT = {
    "name": "quick", "train_images": 8000, "validation_images": 1000, "test_images": 1000, "batch": 128,
    "angle_steps": 800, "unet_width": 8, "paper_sizes": False,
}  # fmt: skip
FACTS = {
    "date": "2026-11-23", "seed": 0, "hardware": "AMD EPYC, 2 cores", "versions": {"torch": "2.13.0"},
    "notes": ["a note", "another"],
}  # fmt: skip
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


PAIR = figure("rmse_best_of_2", 0.1121, 0.2212, 0.0721)


def audit(*attacks: AttackResult, property_is_task: bool = True, **subject: object) -> Audit:
    return Audit(
        subject={**SUBJECT, **subject}, effort=EFFORT, splits=SPLITS,
        facts=FACTS, task_error=33.84, property_names=CLASSES, property_is_task=property_is_task,
        attacks=attacks,
    )  # fmt: skip


def leaky() -> Audit:
    """Broken in every way but membership."""
    return audit(
        attack("mean-template", "angle", *angle_figures(0.2213, 0.2111, 0.1713)),
        attack("likelihood", "angle", *angle_figures(0.0912, 0.0883, 0.0801)),
        attack("ica", "angle", figure("angle_mod_half_pi", 0.2412, QUARTER)),
        attack("angle-network", "angle", *angle_figures(0.0461, 0.0442, 0.0439), curve=falling()),
        attack("best-of-k", "angle", figure("best_of_k_cosine", 0.9987, 0.9937, half=0.0002)),
        attack("right-key", "inversion", *image_figures(0.0721, 0.67), curve=settled()),
        attack("inversion-1", "inversion", *image_figures(0.2312, 0.16), curve=settled()),
        attack("inversion-1-trained", "inversion", *image_figures(0.0823, 0.63), curve=settled()),
        attack("inversion-2", "inversion", *image_figures(0.1034, 0.58), curve=falling()),
        attack("pair-decoder", "inversion", *image_figures(0.1434, 0.41), PAIR, curve=falling()),
        attack("inference-1", "property", figure("property_error", 0.4123, 0.9, 0.3312, majority_guess=0.9)),
        attack("inference-4", "property", figure("property_error", 0.5523, 0.9, 0.4612, majority_guess=0.9)),
        attack("label-search", "label", figure("label_error", 0.5211, 0.9, 0.3384, half=0.03)),
        attack("decoy-pool", "decoy", figure("decoy_identified", 0.9991, 1 / 3000, half=0.0005)),
        attack("repeated-query", "repeat",
               figure("repeat_cosine_exact", 0.4123, 0.4121, half=0.008),
               figure("repeat_cosine_shifted", 0.9312, 0.4121),
               figure("repeat_cosine_noisy", 0.9987, 0.4121, half=0.0004),
               figure("repeat_cosine_next_frame", 0.9213, 0.4121)),
        attack("membership", "membership", figure("membership_auc", 0.5112, 0.5, half=0.022),
               figure("membership_tpr_at_fpr_0.01", 0.0113, 0.01, half=0.005)),
    )  # fmt: skip


def safe() -> Audit:
    """At chance in all that was measured, a narrow bottleneck; no example of it is known to us."""
    return audit(
        attack("angle-network", "angle", *angle_figures(1.5689, 0.7843, 0.3931), curve=settled()),
        attack("inversion-2", "inversion", *image_figures(0.2469, 0.101, 0.1831)),
        attack("inference-1", "property", figure("property_error", 0.8991, 0.9, 0.3312)),
        attack("label-search", "label", figure("label_error", 0.8993, 0.9, 0.3384)),
        attack("decoy-pool", "decoy", figure("decoy_identified", 0.0003, 1 / 3000, half=0.0004)),
        attack("repeated-query", "repeat", figure("repeat_cosine_exact", 0.4123, 0.4121, half=0.008)),
        head="bottleneck",
        defence="hardened",
    )


def unrotated() -> Audit:
    """The original network: the feature itself goes out."""
    rotation = "nothing is rotated in this network"
    return audit(
        attack("mean-template", "angle", skipped=rotation),
        attack("angle-network", "angle", skipped=rotation),
        attack("inversion-2", "inversion", *image_figures(0.0612, 0.66, 0.0612), curve=falling()),
        attack("inference-1", "property", figure("property_error", 0.3512, 0.9, 0.3512)),
        attack("decoy-pool", "decoy", skipped=rotation),
        attack("repeated-query", "repeat", skipped=rotation),
        form="original",
        defence="none",
        head="none",
    )


def partial() -> Audit:
    """Two attacks of which one had too few images; no curve, no budget's name, no task error."""
    few = attack("likelihood", "angle", figure("angle_circle", 1.2, CIRCLE, half=0.5))
    left_out = attack("repeated-query", "repeat", skipped="not asked for (--attacks)")
    whole = audit(few, left_out, incomplete="only some attacks were run (--attacks)")
    return Audit(whole.subject, {}, {}, {}, None, (), False, whole.attacks)


def examples(
    images: np.ndarray | None = None,
    *,
    guesses: Sequence[str] = ("inversion-1", "inversion-1-trained", "inversion-2"),
) -> Examples:
    """Of images uint8 (E, H, W, C), or of noise; the guesses are the images, less and less blurred."""
    rng = np.random.default_rng(0)
    if images is None:
        images = rng.integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    truth = (images / 255).astype(np.float32)
    mean, other = truth.mean(0, keepdims=True), np.roll(truth, 1, axis=0)
    shown = {
        name: (at * truth + (len(guesses) - at) * mean)[:, None] / len(guesses)
        for at, name in enumerate(guesses, 1)
    }
    shown["pair-decoder"] = np.stack([0.6 * truth + 0.4 * mean, 0.6 * other + 0.4 * mean], axis=1)
    angles = np.linspace(0, math.pi, 9)
    sweep = np.stack(
        [np.clip(0.5 + (truth - 0.5) * np.cos(at) + (other - 0.5) * np.sin(at), 0, 1) for at in angles],
        axis=1,
    )
    return Examples(images, shown, truth, sweep.astype(np.float32), angles)
