"""What a new export means for devices that have an old one: their X, their trust."""

from pathlib import Path

import numpy as np
import pytest
import torch

from phasekey.bundle import load_manifest
from phasekey.cli import main
from phasekey.signing.keys import new_key
from phasekey.training.checkpoint import load_checkpoint, save_checkpoint
from sdk import DerivedKeys, Device, Untrusted

SECRET = bytes(range(32))


def sent(bundle: Path, images: np.ndarray, **options) -> np.ndarray:
    device = Device(bundle, **options)
    try:
        return device.encode(images).x
    finally:
        device.close()


def test_a_new_cloud_half_keeps_the_encoder_goes_on_with_a_line_and_is_signed(
    exported, small_export, tmp_path
):
    """One export, three claims: the encoder's bytes follow from it alone, and so does X; keys are of the
    bundle whose line it continues (another one here, to tell them apart); a device may trust it.
    """
    checkpoint, path, key = (
        load_checkpoint(exported.checkpoint),
        tmp_path / "moved.pt",
        new_key(tmp_path / "key"),
    )
    with torch.no_grad():
        for weight in checkpoint.network.processing.parameters():
            weight.mul_(1.01)
    save_checkpoint(path, checkpoint)
    options = ["--lineage", small_export.edge.parent, "--sign", tmp_path / "key", "--no-score"]
    command = ["export", "--ckpt", path, "--out", tmp_path / "new", *options]
    assert main([*map(str, command)]) == 0

    before, after = load_manifest(exported.edge), load_manifest(tmp_path / "new" / "edge", trusted_key=key)
    assert after.model_name != before.model_name
    assert after.encoder.sha256 == before.encoder.sha256
    assert after.lineage == small_export.manifest.encoder.sha256
    x = sent(tmp_path / "new", exported.images, secret=SECRET, trusted_key=key)
    line = DerivedKeys(SECRET, context=after.lineage.encode())
    np.testing.assert_array_equal(x, sent(exported.bundle, exported.images, keys=line))
    with pytest.raises(Untrusted, match="not signed by a trusted key"):
        sent(tmp_path / "new", exported.images, secret=SECRET, trusted_key=new_key(tmp_path / "other"))


def test_a_lineage_or_a_key_that_is_none_writes_nothing(exported, tmp_path, capsys):
    command = ["export", "--ckpt", str(exported.checkpoint), "--out", str(tmp_path / "out")]
    for option, said in (("--lineage", "No bundle at"), ("--sign", "No key at")):
        assert main([*command, option, str(tmp_path / "none")]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
