"""The part of `phasekey audit` that judges a claim: for networks of the modes bounded and anonymous."""

import argparse

from phasekey.audit.claims.run import audit_claim, steps_of
from phasekey.audit.errors import AuditError
from phasekey.audit.subject.promise import Promise
from phasekey.audit.subject.subject import Subject
from phasekey.training.data.dataset import ImageDataset

BROKEN = 1  # exit status


def refuse_options(args: argparse.Namespace) -> None:
    """Refuse what only audits of networks without a promise take.

    Args:
        args: of `phasekey audit`.

    Raises:
        AuditError: naming the option.
    """
    for name in ("attacks", "fail_above"):
        if getattr(args, name):
            option = f"--{name.replace('_', '-')}"
            raise AuditError(f"{option} is for networks that promise nothing; a claim is judged as a whole")


def run(args: argparse.Namespace, subject: Subject, promise: Promise, dataset: ImageDataset) -> int:
    """Judge a claim, print and write what came of it.

    Args:
        args: of `phasekey audit`.
        subject: that promises.
        promise: what.
        dataset: what it is judged on.

    Returns:
        0, or 1 where an attacker went beyond what is promised.

    Raises:
        AuditError: the data don't fit, or the folder cannot be written to.
    """
    from tqdm import tqdm

    from phasekey.audit.budget import effort_of
    from phasekey.audit.claims.summary import summarise_claim
    from phasekey.audit.report.delivery import deliver
    from phasekey.audit.running.progress import Steps
    from phasekey.bundle.checksums import sha256_of_file

    steps = steps_of(promise, args.budget)
    with tqdm(total=steps, desc="attacking the claim", unit="step", leave=False, disable=None) as bar:
        audit = audit_claim(subject, dataset, effort_of(args.budget), args.seed, Steps(bar, steps))
    report, page = audit.write(args.out)
    summary = summarise_claim(audit, subject, sha256_of_file(report))
    place = deliver(subject.kind, args.ckpt or args.bundle, args.out, summary)
    tqdm.write(f"{audit.page()}\nsaved {page}; {place}")
    return BROKEN if audit.broken else 0
