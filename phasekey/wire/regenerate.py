"""Write the generated wire code anew from proto/, or check that it is up to date.

Works in a checkout of the repository, with the ``dev`` extra installed: the exact pin of grpcio-tools is
what makes two runs comparable byte for byte.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from phasekey.wire.errors import WireError

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGE = Path("phasekey", "wire")
_PATTERNS = ("*_pb2.py", "*_pb2.pyi")


def generate(root: Path, out: Path) -> None:
    """Compile ``root/proto/phasekey/wire/*.proto`` to ``out/phasekey/wire/*_pb2.py`` and ``.pyi``.

    Raises:
        WireError: no sources there, no compiler installed, or a source does not compile.
    """
    try:
        from grpc_tools import protoc  # type: ignore[import-untyped]
    except ImportError as error:
        raise WireError(
            "The protobuf compiler is missing: pip install -c constraints.txt -e '.[dev]'."
        ) from error
    sources = sorted((root / "proto" / _PACKAGE).glob("*.proto"))
    if not sources:
        raise WireError(f"No .proto files under {root / 'proto' / _PACKAGE}: run this in a checkout.")
    arguments = ["protoc", f"-I{root / 'proto'}", f"--python_out={out}", f"--pyi_out={out}"]
    if protoc.main([*arguments, *map(str, sources)]) != 0:
        raise WireError("The protobuf compiler refused a source; it says above which and why.")


def differences(root: Path) -> list[str]:
    """Name the generated files under root that are missing, stale or of no source any more.

    Raises:
        WireError: as for generate().
    """
    with tempfile.TemporaryDirectory() as scratch:
        generate(root, Path(scratch))
        fresh = _generated(Path(scratch))
    committed = _generated(root)
    return sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))


def main(argv: Sequence[str] | None = None, *, root: Path = _ROOT) -> int:
    """Run the command; gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m phasekey.wire.regenerate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    arguments = parser.parse_args(argv)
    try:
        return _check(root) if arguments.check else _write(root)
    except WireError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _write(root: Path) -> int:
    generate(root, root)
    sys.stdout.write(f"wrote {', '.join(_generated(root))}\n")
    return 0


def _check(root: Path) -> int:
    outdated = differences(root)
    for name in outdated:
        sys.stderr.write(f"{name} does not match proto/: run `python -m phasekey.wire.regenerate`\n")
    return 1 if outdated else 0


def _generated(root: Path) -> dict[str, bytes]:
    paths = sorted(path for pattern in _PATTERNS for path in (root / _PACKAGE).glob(pattern))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


if __name__ == "__main__":
    sys.exit(main())
