"""Options of more than one command."""

import argparse
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

from phasekey.audit.command import BUDGETS
from phasekey.federated.errors import FederatedError
from phasekey.federated.settings import Rounds, Terms

MODES = ("secagg", "plain", "dp")
STRATEGIES = ("mean", "median", "trimmed-mean", "krum")
CLIP_NORM, PRIVATE_CLIP_NORM = 10.0, 0.02
THAW = "let the encoder learn too: devices then send another x for an image than before, and the two "
THAW += "together tell more than one"


def add_aggregate(parser: argparse.ArgumentParser) -> None:
    """Describe how updates are put together."""
    parser.add_argument(
        "--aggregate", choices=MODES, default="secagg",
        help="secagg: the server sees the sum of updates alone (default); plain: it sees each; dp: it sees "
        "each, and puts noise on the mean, so that what comes out hides whether a device took part",
    )  # fmt: skip


def add_rounds(parser: argparse.ArgumentParser, clients: int) -> None:
    """Describe how a run goes, for those who run the server."""
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds (default: %(default)s)")
    parser.add_argument(
        "--clients", type=int, default=clients, metavar="N", help="devices in a round (default: %(default)s)"
    )
    parser.add_argument(
        "--min-clients", type=int, metavar="N",
        help="devices that make a round; fewer change nothing (default: three quarters of --clients, and 3 "
        "or more in secure sums)",
    )  # fmt: skip
    parser.add_argument(
        "--deadline", type=float, default=300.0, metavar="SECONDS",
        help="for the answers of a round; what comes later is left out (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--wait", type=float, default=600.0, metavar="SECONDS",
        help="for devices to come, before each round (default: %(default)s)",
    )  # fmt: skip
    add_aggregate(parser)
    parser.add_argument(
        "--epochs", type=int, default=4, metavar="N",
        help="passes of a device over its images in a round (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="images a step (default: %(default)s)"
    )
    parser.add_argument(
        "--lr", type=float, default=0.02, metavar="X", help="learning rate of devices (default: %(default)s)"
    )
    parser.add_argument(
        "--clip-norm", type=float, metavar="X",
        help="Euclidean length to which each device's update is clipped (default: 10; of dp, whose noise "
        "grows with it, 0.02)",
    )  # fmt: skip
    parser.add_argument(
        "--strategy", choices=STRATEGIES, default="mean",
        help="how plain updates are put together; all but mean bear a few bad devices (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--epsilon", type=float, default=8.0, metavar="X", help="of dp, all rounds (default: %(default)s)"
    )
    parser.add_argument("--delta", type=float, default=1e-5, metavar="X", help="of dp (default: %(default)s)")
    parser.add_argument("--thaw-encoder", action="store_true", help=THAW)
    parser.add_argument(
        "--out", type=Path, default=Path("runs/federated"), metavar="FOLDER",
        help="for model.pt; a run that was cut off goes on from there (default: %(default)s)",
    )  # fmt: skip


def add_release(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Describe how a bundle is made of a checkpoint."""
    parser.add_argument(
        "--release-key", type=Path, required=required, metavar="KEY",
        help="key of phasekey sign --new-key: audit, export with --require-audit, and sign with it"
        + ("" if required else ", after every round, into OUT/releases (default: leave it at model.pt)"),
    )  # fmt: skip
    parser.add_argument(
        "--audit-budget", choices=BUDGETS, default="quick", help="of that audit (default: %(default)s)"
    )


def rounds_of(args: argparse.Namespace) -> Rounds:
    """Read how a run goes.

    Raises:
        FederatedError: a value out of range, naming it.
    """
    _require_ranges(args)
    least = 3 if args.aggregate == "secagg" else 1
    usual = min(args.clients, max(least, (3 * args.clients + 3) // 4))
    usual = args.clients if args.aggregate == "dp" else usual  # noise is measured for so many
    chosen = usual if args.min_clients is None else args.min_clients
    if not 1 <= chosen <= args.clients:
        raise FederatedError(f"--min-clients takes 1 to --clients, {args.clients}; got {chosen}")
    if chosen < least:
        raise FederatedError(
            f"a secure sum takes {least} devices or more, got {chosen}: of two, each could subtract its own "
            "part; use more --clients, or --aggregate plain"
        )
    return Rounds(
        args.rounds, args.clients, chosen,
        deadline=args.deadline, aggregate=args.aggregate, wait=args.wait, strategy=args.strategy,
        epsilon=args.epsilon, delta=args.delta,
    )  # fmt: skip


def _require_ranges(args: argparse.Namespace) -> None:
    for name in ("clients", "rounds", "epochs", "batch_size"):
        if getattr(args, name) < 1:
            raise FederatedError(f"--{name.replace('_', '-')} takes a whole number of at least 1")
    if args.strategy != "mean" and args.aggregate != "plain":
        raise FederatedError(f"--strategy {args.strategy} takes --aggregate plain: it looks at each update")
    for name in ("lr", "clip_norm", "deadline", "wait", "epsilon", "delta"):
        if not 0 < (1.0 if getattr(args, name) is None else getattr(args, name)) < float("inf"):
            raise FederatedError(f"--{name.replace('_', '-')} takes a number above 0")


def releasing(args: argparse.Namespace, data: str) -> Callable[[Path, int], None] | None:
    """Read what becomes of each round's checkpoint.

    Args:
        args: of the command.
        data: the words of --data, for the audit.

    Raises:
        SigningError: there is no such key.
    """
    if args.release_key is None:
        return None
    from tqdm import tqdm

    from phasekey.federated.release import Release, release
    from phasekey.signing.keys import load_key

    load_key(args.release_key)  # before the long part
    how = Release(args.release_key, args.audit_budget, data, tqdm.write)
    folder = args.out / "releases"

    def of_round(checkpoint: Path, number: int) -> None:
        release(checkpoint, folder / f"round-{number}", how)

    return of_round


def terms_of(args: argparse.Namespace) -> Terms:
    """Read what each device is asked for."""
    usual = PRIVATE_CLIP_NORM if args.aggregate == "dp" else CLIP_NORM
    clip_norm = usual if args.clip_norm is None else args.clip_norm
    return Terms(args.epochs, args.batch_size, args.lr, clip_norm, args.thaw_encoder)


def endpoint(words: str) -> tuple[str, int]:
    """Read HOST:PORT.

    Raises:
        FederatedError: it is something else.
    """
    host, _, port = words.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise FederatedError(f"expected HOST:PORT, got {words!r}")
    return host.strip("[]"), int(port)


def require_safe(host: str, *, encrypted: bool, insecure: bool) -> None:
    """Keep plaintext on this machine.

    Raises:
        FederatedError: a way out of this machine without a certificate, and nobody said --insecure.
    """
    if not (encrypted or insecure or _is_loopback(host)):
        raise FederatedError(
            f"{host} is not this machine alone: give certificates, or --insecure where the network is trusted"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
