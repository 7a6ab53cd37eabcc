"""`phasekey audit`: what a network's transmissions tell a strong attacker, as a report."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from phasekey.audit.errors import AuditError
from phasekey.command import require_extra
from phasekey.machine import let_threads_sleep
from phasekey.training.command import NEEDED

if TYPE_CHECKING:
    from phasekey.audit.report.judgement.thresholds import Threshold
    from phasekey.audit.result.result import Audit
    from phasekey.audit.subject.subject import Subject
    from phasekey.training.controls.comparison import Comparison
    from phasekey.training.data.dataset import ImageDataset

DESCRIPTION = """\
Attack a trained network as the cloud could, and report what its transmissions give away.

The attacker is told everything but the secret: encoder, kind of data, law of the decoys. What the
strongest attack finds is a lower bound: the next attack may find more. There is no guarantee."""
EPILOG = """\
examples:
  phasekey audit --ckpt runs/digits/model.pt --out reports/digits
      attacks a checkpoint; writes reports/digits/report.html, and a summary beside the checkpoint, which
      the next export puts into the bundle
  phasekey audit --bundle build/digits --budget standard --out reports/digits
      attacks what was exported, as it travels; writes a summary into the bundle's manifest
  phasekey audit --bundle build/digits --fail-above thresholds.toml
      exit status 1 where the strongest attack goes beyond a threshold, for continuous integration
  phasekey audit exports round-1/model.pt round-2/model.pt round-3/model.pt --out reports/exports
      what devices give away that send an image under several encoders, as phasekey federate --thaw-encoder
      makes them
  phasekey audit compare reports/original reports/complex --out reports/both
      lays audits side by side

budgets  quick     minutes: a first look. Attackers are small and trained for a short time
         standard  up to an hour for a LeNet on two cores: what a release should have
         full      the paper's sizes, for a GPU
         They count images and steps, never seconds, so a slow machine finds the same, later.

Networks of the modes bounded and anonymous promise something. Their audit holds every attacker against
that promise, writes claims.json and claims.md, and ends with status 1 where one went beyond it.

killed? Give the same command again: attacks that are done are kept in OUT/work.
The report shows some test images and what attackers made of them."""
DEFAULT_OUT = Path("report")
BROKEN = 1  # exit status where a threshold is broken
BUDGETS = ("quick", "standard", "full")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `phasekey audit` to a parser.

    Args:
        parser: to which they are added.
    """
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = (
        "%(prog)s (--ckpt FILE | --bundle DIR) [options]\n       %(prog)s compare REPORT REPORT... --out DIR"
        "\n       %(prog)s exports FILE FILE... [--data DATA] --out DIR"
    )
    parser.add_argument(
        "compare",
        nargs="*",
        metavar="compare REPORT... | exports FILE...",
        help="lay reports side by side, each a folder",
    )
    _add_subject(parser)
    _add_terms(parser)
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help="where to write (default: %(default)s)"
    )
    parser.add_argument(
        "--fail-above", type=Path, metavar="FILE",
        help="TOML file of thresholds; exit status 1 if the strongest attack on any goes beyond it",
    )  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="don't go on from an unfinished audit in OUT")
    parser.add_argument(
        "--no-controls", action="store_true",
        help="don't compare a checkpoint with what its device could do without a cloud",
    )  # fmt: skip


def _add_subject(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ckpt", type=Path, metavar="FILE", help="checkpoint of phasekey train")
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="export: build/NAME, or its edge folder")
    parser.add_argument(
        "--data", help="images, in the words of phasekey train --data (default: what it was trained on)"
    )


def _add_terms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--budget", choices=BUDGETS, default="quick", help="what attackers spend (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same seed, same figures (default: 0)"
    )
    parser.add_argument(
        "--box", choices=("white", "black"), default="white",
        help="white: the attacker has the device's software, as anyone may who has the device (default); "
        "black: only pairs of image and x",
    )  # fmt: skip
    parser.add_argument(
        "--decoys", choices=("device", "another-input"), default="device",
        help="what hides the features: what devices draw (default), or features of other images",
    )  # fmt: skip
    parser.add_argument(
        "--keys", choices=("derived", "fresh"), default="derived",
        help="derived: the same image sends the same x, as the sdk does (default); fresh: another each time",
    )  # fmt: skip
    parser.add_argument(
        "--attacks", metavar="NAME,NAME",
        help="only these, and what they build on; such a report is marked as partial and passes no gate",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Audit or compare as the options say. Raises PhasekeyError with a message for the user.

    Returns 0 when done, 1 where a threshold is broken.
    """
    require_extra("train", "auditing", (*NEEDED, "matplotlib"))
    let_threads_sleep()
    if args.compare:
        return _exports(args) if args.compare[0] == "exports" else _compare(args.compare, args.out)
    _check(args)
    from phasekey.audit.report.judgement.thresholds import load_thresholds

    thresholds = load_thresholds(args.fail_above) if args.fail_above else ()  # before the long part
    subject, dataset = _open(args)
    if subject.promise is not None:
        from phasekey.audit.claims import command as claims

        status = claims.run(args, subject, subject.promise, dataset)
        _alone(args, subject, dataset)
        return status
    return _judge(_audit(args, subject, dataset), thresholds)


def _alone(args: argparse.Namespace, subject: "Subject", dataset: "ImageDataset") -> "Comparison | None":
    """Compare with the device alone, where that was not declined, and say what came of it."""
    from tqdm import tqdm

    from phasekey.audit.alone import compare_alone

    if args.no_controls:
        return None
    if subject.checkpoint is None:
        tqdm.write("what the cloud adds: audit the checkpoint, or see phasekey controls")
        return None
    found = compare_alone(subject.checkpoint, dataset, args.budget, args.out)
    tqdm.write(
        "what the cloud adds is not compared where an image has several labels"
        if found is None
        else f"\n{found.page()}"
    )
    return found


def _check(args: argparse.Namespace) -> None:
    if (args.ckpt is None) == (args.bundle is None):
        raise AuditError("give --ckpt FILE or --bundle DIR, one of the two; --help has examples")
    if args.seed < 0:
        raise AuditError(f"--seed takes a whole number, 0 or more; got {args.seed}")
    if args.attacks and args.fail_above:
        raise AuditError("--fail-above judges whole audits; leave out --attacks")


def _open(args: argparse.Namespace) -> "tuple[Subject, ImageDataset]":
    from phasekey.audit.claims.command import refuse_options
    from phasekey.audit.subject.subject import open_bundle, open_checkpoint
    from phasekey.training.data.registry import load_dataset

    subject = open_checkpoint(args.ckpt) if args.ckpt else open_bundle(args.bundle)
    if subject.promise is not None:
        refuse_options(args)  # before the long part
    words, size = _data(args, subject)
    return subject, load_dataset(words, size, progress=True)


def _audit(args: argparse.Namespace, subject: "Subject", dataset: "ImageDataset") -> "Audit":
    from tqdm import tqdm

    from phasekey.audit.budget import effort_of
    from phasekey.audit.pipeline import Request, run_audit
    from phasekey.audit.report.delivery import deliver
    from phasekey.audit.report.judgement.verdict import verdict_grade, verdict_sentence
    from phasekey.audit.result.report_json import REPORT_FILE
    from phasekey.audit.result.summary import summarise
    from phasekey.audit.subject.stage import Terms
    from phasekey.bundle.checksums import sha256_of_file

    path: Path = args.ckpt or args.bundle
    wanted = frozenset(filter(None, args.attacks.split(","))) if args.attacks else None
    request = Request(
        effort=effort_of(args.budget), seed=args.seed, terms=Terms(args.decoys, args.keys, args.box),
        attacks=wanted, fresh=args.fresh,
    )  # fmt: skip
    tqdm.write(
        f"auditing {subject.facts['name']}: {subject.audited}; budget {args.budget}, data {dataset.name}"
    )
    audit = run_audit(subject, dataset, request, args.out, alone=partial(_alone, args, subject, dataset))
    verdict = verdict_sentence(audit)
    summary = summarise(audit, verdict, verdict_grade(audit), sha256_of_file(args.out / REPORT_FILE))
    place = deliver(subject.kind, path, args.out, summary)
    tqdm.write(f"{_outcome(audit, verdict)}\nsaved {args.out / 'report.html'}; {place}")
    return audit


def _data(args: argparse.Namespace, subject: "Subject") -> tuple[str, int | None]:
    """The words of --data and the size to ask for, in pixels per side."""
    words = args.data or subject.data
    if words is None:
        raise AuditError("it is not written down what this network was trained on: give --data")
    height, width, _ = subject.image
    return words, height if height == width else None


def _outcome(audit: "Audit", verdict: str) -> str:
    rows = [("the strongest attack's", "", "95% interval", "chance", "attack")]
    for key in audit.keys():  # noqa: SIM118 - a method of ours
        found = audit.strongest(key)
        if found is not None:
            attack, figure = found
            value, low, high, chance = (
                f"{number:.4g}" for number in (figure.value, figure.low, figure.high, figure.chance)
            )
            rows.append((key, value, f"{low} to {high}", chance, attack.name))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    table = ["  " + "  ".join([*map(str.ljust, row, widths), row[4]]) for row in rows]
    missing = audit.subject["incomplete"]
    return "\n".join(
        ["", verdict, "", *table, *(["", f"Not a whole audit: {missing}."] if missing else []), ""]
    )


def _judge(audit: "Audit", thresholds: "tuple[Threshold, ...]") -> int:
    from phasekey.audit.report.judgement.thresholds import broken

    sentences = broken(thresholds, audit)
    for sentence in sentences:
        print(f"threshold broken: {sentence}", file=sys.stderr)  # noqa: T201
    return BROKEN if sentences else 0


def _exports(args: argparse.Namespace) -> int:
    from phasekey.audit.across_exports import compare_exports
    from phasekey.training.checkpoint import load_checkpoint
    from phasekey.training.data.registry import load_dataset

    checkpoints = [Path(word) for word in args.compare[1:]]
    if len(checkpoints) < 2:
        raise AuditError("exports takes two checkpoints or more, of one network that went on learning")
    first = load_checkpoint(checkpoints[0])
    words, (_, height, width) = args.data or first.config.get("data"), first.architecture["image"]
    if not words:
        raise AuditError("it is not written down what this network was trained on: give --data")
    dataset = load_dataset(words, height if height == width else None, progress=True)
    print(compare_exports(checkpoints, dataset, args.out))  # noqa: T201
    return 0


def _compare(words: Sequence[str], out: Path) -> int:
    word, *reports = words
    if word != "compare":
        raise AuditError(f"{word!r} is no option; did you mean --ckpt {word} or --bundle {word}?")
    if len(reports) < 2:
        raise AuditError("compare takes two reports or more: folders that phasekey audit --out wrote")
    from phasekey.audit.report import write_comparison
    from phasekey.audit.result.report_json import load_audit, make_folder

    audits = [load_audit(Path(report)) for report in reports]
    make_folder(out)
    write_comparison(out, audits)
    print(f"saved {out}")  # noqa: T201
    return 0
