"""`python -m export.verify MODEL.onnx`: is a graph right whatever the secret? Proved, or where it fails."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from export.errors import ExportError
from phasekey.command import require_extra, run_module

if TYPE_CHECKING:
    from export.proof import Group, Layout, Verdict

DESCRIPTION = """\
Prove that an ONNX graph Φ commutes with a device's secret. The graph may come from anywhere.

--secret rotation      (default) Φ(e^{iθ}f) = e^{iθ}Φ(f), each sample turned by an angle of its own. Complex
                       tensors are real ones with an axis of both parts, by default axis 1 of (N, 2C, ...),
                       all real parts first.
--secret orthogonal    Φ(QM) = QΦ(M) for every orthogonal Q on k components, reflections too, (N, kC, ...),
                       block 1 first. k is --components.
--secret permutation   each sample is treated by itself, and all alike.

exit status  0 proved   1 not proved: the first node, tensor and rule that fail are named   2 not readable

Not proved doesn't mean wrong: the proof knows a fixed set of rules. --measure turns random inputs and
tells how far the graph is off."""

EXAMPLE = "example: python -m export.verify build/digits/cloud/lenet-digits-*/1/model.onnx --measure"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", type=Path, metavar="MODEL.onnx", help="the graph")
    parser.add_argument(
        "--secret",
        choices=("rotation", "orthogonal", "permutation"),
        default="rotation",
        help="what to prove (default: rotation)",
    )
    parser.add_argument(
        "--components", type=int, default=2, metavar="K", help="of an orthogonal secret (default: 2)"
    )
    parser.add_argument("--input", metavar="NAME", help="the input that turns (needed if there are several)")
    parser.add_argument(
        "--output",
        metavar="NAME",
        action="append",
        default=[],
        help="an output that must turn (default: all)",
    )
    parser.add_argument(
        "--axis", type=int, default=1, metavar="K", help="the axis that holds all parts (default: 1)"
    )
    parser.add_argument(
        "--interleaved", action="store_true", help="parts lie as re, im, re, im, ... along that axis"
    )
    parser.add_argument("--measure", action="store_true", help="also run the graph at random angles")
    parser.add_argument("--verbose", action="store_true", help="show the type of every tensor")


def run(args: argparse.Namespace) -> int:
    """Prove as the options say.

    Returns:
        0 proved, 1 not proved.

    Raises:
        PhasekeyError: it cannot be asked: no such file, no graph, no such tensor.
    """
    require_extra("train", "verifying", ("onnx",))
    from export.proof import Layout

    layout = Layout(axis=args.axis, interleaved=args.interleaved)
    verdict = _prove(args, layout)
    lines = [*(_table(verdict) if args.verbose else []), *_report(args.model, verdict)]
    if args.measure:
        lines += [_measured(args, verdict, layout, name) for name in verdict.outputs]
    print("\n".join(lines))  # noqa: T201
    return 0 if verdict.proved else 1


def _group(args: argparse.Namespace) -> Group:
    from export.proof import Group

    if args.secret == "rotation" and args.components != 2:
        raise ExportError("a rotation is of 2 components; give --secret orthogonal for more")
    return Group(args.components, reflections=args.secret == "orthogonal")


def _prove(args: argparse.Namespace, layout: Layout) -> Verdict:
    from export.proof import prove, prove_samples_alike

    if args.secret == "permutation":
        return prove_samples_alike(args.model)
    return prove(args.model, rotated=args.input, outputs=args.output, layout=layout, group=_group(args))


_STATEMENTS = {
    "SO(2)": "Φ(e^{iθ}f) = e^{iθ}Φ(f) for every θ, one for each sample",
    "samples": "each sample is treated by itself, and all alike",
}


def _report(model: Path, verdict: Verdict) -> list[str]:
    if verdict.failure is None:
        turned = f"{verdict.input} -> {', '.join(verdict.outputs)}"
        return [
            f"{model}: PROVED ({verdict.grade})",
            f"  {turned}: {_STATEMENTS.get(verdict.group, f'Φ(QM) = QΦ(M) for every Q of {verdict.group}')}",
        ]
    failure = verdict.failure
    return [
        f"{model}: NOT PROVED",
        f"  node    {failure.node} ({failure.op})",
        f"  tensor  {failure.tensor}",
        f"  rule    {failure.rule}",
    ]


def _table(verdict: Verdict) -> list[str]:
    rows = [("TENSOR", "SHAPE", "NODE", "TYPE")]
    rows += [(fact.name, fact.shape, fact.made_by, fact.type) for fact in verdict.tensors]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ] + [""]


def _measured(args: argparse.Namespace, verdict: Verdict, layout: Layout, output: str) -> str:
    from export.checks.numeric import equivariance_errors, samples_alike_errors

    if args.secret == "permutation":
        found, how = samples_alike_errors(args.model), "samples in other company"
    else:
        found = equivariance_errors(
            args.model, rotated=verdict.input, output=output, layout=layout, group=_group(args)
        )
        how = "angles" if args.secret == "rotation" else "matrices"
    errors = sorted(found)
    middle, largest = errors[len(errors) // 2], errors[-1]
    return (
        f"  measured at {len(errors)} {how}: {output} off by {middle:.1e} (median), {largest:.1e} (largest)"
    )


if __name__ == "__main__":
    sys.exit(run_module("export.verify", "python -m export.verify", sys.argv[1:]))
