"""The part of `phasekey audit` that judges a claim: for checkpoints of the modes bounded and anonymous."""

import argparse

from phasekey.audit.claims.run import audit_claim, claim_of, steps_of
from phasekey.audit.errors import AuditError
from phasekey.training.checkpoint import Checkpoint

BROKEN = 1  # exit status


def promises(checkpoint: Checkpoint) -> bool:
    """Say whether there is a claim to judge; the paper's mode and others promise nothing."""
    return claim_of(checkpoint.network) is not None


def run(args: argparse.Namespace, checkpoint: Checkpoint) -> int:
    """Judge the claim of a checkpoint.

    Args:
        args: of `phasekey audit`.
        checkpoint: whose network promises something.

    Returns:
        0, or 1 where an attacker went beyond what is promised.

    Raises:
        AuditError: options that do not apply here, or no data to judge on.
    """
    from tqdm import tqdm

    from phasekey.audit.budget import effort_of
    from phasekey.audit.running.progress import Steps
    from phasekey.training.data.registry import load_dataset

    for name in ("attacks", "fail_above"):
        if getattr(args, name):
            option = f"--{name.replace('_', '-')}"
            raise AuditError(f"{option} is for networks that promise nothing; a claim is judged as a whole")
    words = args.data or checkpoint.config.get("data")
    if words is None:
        raise AuditError("it is not written down what this network was trained on: give --data")
    _, height, width = checkpoint.network.image
    dataset = load_dataset(str(words), height if height == width else None, progress=True)
    steps = steps_of(checkpoint.network, args.budget)
    with tqdm(total=steps, desc="attacking the claim", unit="step", leave=False, disable=None) as bar:
        watch = Steps(bar, steps)
        audit = audit_claim(checkpoint.network, dataset, effort_of(args.budget), args.seed, watch)
    _, page = audit.write(args.out)
    tqdm.write(f"{audit.page()}\nsaved {page}")
    return BROKEN if audit.broken else 0
