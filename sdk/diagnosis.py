"""What ``doctor`` looks at: each part of a device by itself, so that one that is broken hides no other."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from edge_runtime import Decoder, Encoder
from phasekey import __version__
from phasekey.bundle import Manifest, edge_of, load_manifest
from phasekey.bundle.signature import load_signature
from phasekey.errors import PhasekeyError
from sdk.keeping import SECRET_FILE, data_folder, read_secret
from sdk.keeping.judging import doubt
from sdk.store import Store
from sdk.transport import ClientConfig
from sdk.transport.grpc_sync import GrpcTransport
from sdk.transport.targets import is_loopback

_RELEASED = 1_763_856_000  # seconds since 1970, before which no copy of this package can run
_DAY = 86_400


@dataclass(frozen=True)
class Finding:
    """What was found of one part.

    Attributes:
        subject: the part.
        state: "ok"; "warning", which breaks nothing; "broken"; or "unknown", where nothing was asked.
        said: what is so, and what to do.
    """

    subject: str
    state: Literal["ok", "warning", "broken", "unknown"]
    said: str


def examine_device(
    bundle: Path,
    trusted_key: Sequence[str] | None,
    newer_than: int | None,
    secret_file: Path | None,
    decoys: Path | None,
) -> tuple[Manifest | None, list[Finding]]:
    """Look at all that needs no network.

    Returns:
        The manifest, or None where the bundle does not load; and a finding for each part.
    """
    folder = edge_of(bundle)
    try:
        manifest = load_manifest(folder)
        Encoder(folder, manifest), Decoder(folder, manifest)
        found = [Finding("bundle", "ok", f"{manifest.model_name}, format {manifest.format_version}")]
    except PhasekeyError as error:
        return None, [
            Finding("bundle", "broken", str(error)),
            _secret(secret_file),
            *_surroundings(None, folder),
        ]
    if manifest.privacy_warning:
        found.append(Finding("audit", "warning", manifest.privacy_warning))
    found.append(_signature(folder, trusted_key, newer_than))
    found.append(_secret(secret_file))
    found += _decoys(manifest, decoys)
    return manifest, found + _surroundings(manifest, folder)


def examine_server(manifest: Manifest, config: ClientConfig) -> list[Finding]:
    """Ask each server whether it has the bundle's other half; no x is sent."""
    if not config.targets:
        return [Finding("server", "unknown", "not asked: give --target HOST:PORT")]
    try:
        GrpcTransport(config.targets, manifest.model_name, config=config).close()
    except PhasekeyError as error:  # settings that do not go together
        return [Finding("server", "broken", str(error))]
    found = []
    for target in config.targets:
        transport = GrpcTransport((target,), manifest.model_name, config=config)
        try:
            transport.check(manifest)
            found.append(Finding("server", "ok", f"{target} has the other half"))
        except PhasekeyError as error:
            found.append(Finding("server", "broken", str(error)))
        finally:
            transport.close()
        if config.secure and found[-1].state == "ok":
            found.append(Finding("TLS", "ok", f"calls to {target} are encrypted"))
        elif not config.secure and not is_loopback(target):
            said = f"calls to {target} can be read and changed on their way: give --tls or --ca-cert"
            found.append(Finding("TLS", "warning", said))
    return found


def _signature(folder: Path, trusted_key: Sequence[str] | None, newer_than: int | None) -> Finding:
    try:
        load_manifest(folder, trusted_key=trusted_key, newer_than=newer_than)
        signed = load_signature(folder)
    except PhasekeyError as error:
        return Finding("signature", "broken", str(error))
    if trusted_key is not None and signed is not None:
        return Finding("signature", "ok", f"by a trusted key, version {signed.version} ({signed.when})")
    if signed is not None:
        return Finding("signature", "warning", f"by {signed.key}, not checked: give --trusted-key")
    said = "none: who swaps the encoder reads every image. Sign where it was made: phasekey sign"
    return Finding("signature", "warning", said)


def _secret(given: Path | None) -> Finding:
    path = data_folder() / SECRET_FILE if given is None else given
    if given is None and not os.path.exists(path):  # which is False, not an error, where one may not look
        return Finding("secret", "warning", f"none yet at {path}: the first prediction makes it, or init")
    try:
        content = read_secret(path)
    except PhasekeyError as error:
        return Finding("secret", "broken", str(error))
    problem = doubt(content)
    content[:] = bytes(len(content))
    return Finding("secret", "warning" if problem else "ok", f"{path}: {problem}" if problem else str(path))


def _decoys(manifest: Manifest, path: Path | None) -> list[Finding]:
    if not manifest.decoy.archived:
        return []
    if path is None or not path.exists():
        said = "this bundle hides images among the device's own: give --decoys FILE (phasekey decoys pack)"
        return [Finding("decoys", "broken", said)]
    try:
        store = Store(path)
        left, shape, each = store.decoys_left, store.image_shape, manifest.secret.components - 1
        store.close()
    except PhasekeyError as error:
        return [Finding("decoys", "broken", str(error))]
    wanted = (manifest.image.height, manifest.image.width, manifest.image.channels)
    if shape is not None and shape != wanted:
        said = f"images of {shape}, the encoder takes {wanted}: pack them again with --bundle"
        return [Finding("decoys", "broken", said)]
    said = f"{left} are left, for {left // each} new inputs"
    return [Finding("decoys", "ok" if left >= each else "broken", said)]


def _surroundings(manifest: Manifest | None, folder: Path) -> list[Finding]:
    """Versions, and the clock: certificates and tokens are judged by it."""
    said = f"phasekey {__version__}" + "".join(
        map(_version, ("grpcio", "numpy", "onnxruntime", "cryptography"))
    )
    if manifest is not None:
        said += f"; exported by phasekey {manifest.export.get('phasekey', 'unknown')}"
    return [Finding("versions", "ok", said), _clock(folder)]


def _clock(folder: Path) -> Finding:
    now = time.time()
    try:
        signed = load_signature(folder)
    except PhasekeyError:
        signed = None
    late = signed is not None and now + _DAY < signed.version < now + 10**9
    if now < _RELEASED or late:
        said = (
            "before this package, or the bundle's signature, was made: certificates will be refused; set it"
        )
        return Finding("clock", "broken", said)
    return Finding("clock", "ok", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)))


def _version(name: str) -> str:
    try:
        return f", {name} {version(name)}"
    except PackageNotFoundError:
        return f", no {name}"
