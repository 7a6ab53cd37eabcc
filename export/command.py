"""`python -m export` and `phasekey export`: from a checkpoint to a bundle."""

import argparse
import sys
from pathlib import Path
from shlex import quote
from typing import Any

from phasekey.bundle import Manifest
from phasekey.command import require_extra

DESCRIPTION = """\
Split a trained network into what the device needs and what the cloud needs.

writes  OUT/edge/   encoder.onnx decoder.onnx manifest.json      copy this to the device
        OUT/cloud/  <model name>/config.pbtxt <model name>/1/model.onnx
                    a model repository; serve it with: phasekey serve --model-repository OUT/cloud
        OUT/model-card.md
                    accuracy, cost, and what was proved and measured at export

The model name ends in the first 12 digits of the bundle's id, so a device can only reach the
processing module that it was exported with. The same checkpoint, with the same audit, gives the same
bytes."""

EXAMPLE = "example: python -m export --ckpt runs/digits/model.pt --out build/digits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--ckpt", type=Path, required=True, metavar="FILE", help="checkpoint of phasekey train"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where to write (default: build/<checkpoint's folder>)",
    )
    parser.add_argument("--name", help="model name without the id (default: <network>-<data>)")
    parser.add_argument(
        "--image-dtype",
        choices=("uint8", "float32"),
        default="uint8",
        help="what the encoder takes: uint8 0 to 255 (default) or float32 0 to 1",
    )
    parser.add_argument(
        "--wire",
        choices=("float32", "float16", "int8"),
        help="type of what travels (default: float16 where it changes the processed feature by at most "
        "5e-4, else float32; int8 halves the traffic again and is measurably coarser)",
    )
    parser.add_argument(
        "--processing",
        choices=("float32", "int8"),
        default="float32",
        help="arithmetic of the cloud's graph (default: %(default)s); int8 is about twice as fast for "
        "ResNets, not for LeNet; the accuracy before and after is measured and told",
    )
    parser.add_argument(
        "--calibration",
        metavar="DATA",
        help="real images for --processing int8, in the words of phasekey train --data (default: what the "
        "checkpoint was trained on)",
    )
    parser.add_argument(
        "--no-score",
        action="store_true",
        help="leave the accuracy of the exported graphs unmeasured (default: on up to 1,000 test images, "
        "where the data of training can be read; that of int8 always is)",
    )
    parser.add_argument(
        "--require-audit",
        action="store_true",
        help="write nothing unless this very checkpoint went through a whole phasekey audit",
    )
    parser.add_argument(
        "--audit",
        type=Path,
        metavar="FILE",
        help="summary of that audit (default: audit.json beside the checkpoint, where it is of it)",
    )
    parser.add_argument(
        "--with-local-fallback",
        action="store_true",
        help="put the cloud's graph into the edge folder as well, so that a device may compute by itself "
        "where no server can be reached; whoever has the device then has the whole network",
    )
    parser.add_argument(
        "--lineage",
        type=Path,
        metavar="BUNDLE",
        help="go on with the keys of this bundle's devices, though the encoder's file is another: exported "
        "anew by other versions, or retrained a little (default: keys belong to the very encoder)",
    )
    parser.add_argument(
        "--sign", type=Path, metavar="KEY", help="sign the bundle with this key (phasekey sign --help)"
    )
    parser.add_argument(
        "--unsafe-allow-unproved",
        action="store_true",
        help="write the bundle even if the processing graph is not proved to be rotation-equivariant; "
        "the manifest and both runtimes then say so",
    )


def run(args: argparse.Namespace) -> int:
    """Export as the options say.

    Returns:
        0 when done.

    Raises:
        PhasekeyError: with a message for the user.
    """
    require_extra("train", "exporting", ("torch", "onnx", "onnxscript"))
    from export.pipeline import ExportOptions, export_checkpoint

    destination: Path = args.out or Path("build") / args.ckpt.resolve().parent.name
    options = ExportOptions(
        name=args.name,
        image_dtype=args.image_dtype,
        wire=args.wire,
        processing=args.processing,
        calibration=args.calibration,
        allow_unproved=args.unsafe_allow_unproved,
        score=not args.no_score,
        lineage=args.lineage,
        audit=args.audit,
        require_audit=args.require_audit,
        local_fallback=args.with_local_fallback,
    )
    key = _signing_key(args.sign)  # before the long part
    manifest = export_checkpoint(args.ckpt, destination, options)
    if key is not None:
        from phasekey.signing.sign import sign_bundle

        sign_bundle(destination, key)
    print(_summary(destination, manifest))  # noqa: T201
    if manifest.privacy_warning:
        print(f"warning: {manifest.privacy_warning}", file=sys.stderr)  # noqa: T201
    return 0


def _signing_key(path: Path | None) -> Any:
    if path is None:
        return None
    require_extra("sign", "signing", ("cryptography",))
    from phasekey.signing.keys import load_key

    return load_key(path)


def _summary(destination: Path, manifest: Manifest) -> str:
    cloud = destination / "cloud"
    others = [path for path in sorted(cloud.iterdir()) if path.name != manifest.model_name]
    kept = "".join(
        f"\nkept  {path}    of another export; remove it when no device asks for it" for path in others
    )
    audit = "none" if manifest.audit is None else f"{manifest.audit['budget']}, {manifest.audit['date']}"
    return f"""\
wrote {destination / "edge"}/   encoder.onnx decoder.onnx manifest.json    for the device
wrote {cloud}/  {manifest.model_name}    for the server{kept}
      {destination / "model-card.md"}    what was measured
equivariance: {manifest.proof.verdict}; privacy audit: {audit}
next  phasekey serve --model-repository {quote(str(cloud))} --listen 127.0.0.1:8001
      phasekey predict --bundle {quote(str(destination / "edge"))} --target 127.0.0.1:8001 IMAGE..."""
