"""What a new export means for devices that have an old one: their X, their trust."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from phasekey.bundle import load_manifest
from phasekey.cli import main
from phasekey.signing.keys import new_key
from phasekey.training.checkpoint import load_checkpoint, save_checkpoint
from sdk import Device, Untrusted

SECRET = bytes(range(32))


@pytest.fixture
def exported_anew(exported, tmp_path):
    """Export the trained network with some of its weights moved: exported_anew("processing", "--sign", …)."""

    def run(parts, *options):
        checkpoint = load_checkpoint(exported.checkpoint)
        with torch.no_grad():
            for part in parts:
                for weight in getattr(checkpoint.network, part).parameters():
                    weight.mul_(1.01)
        path, out = tmp_path / "moved.pt", tmp_path / "anew"
        save_checkpoint(path, dataclasses.replace(checkpoint))
        assert main(["export", "--ckpt", str(path), "--out", str(out), "--no-score", *map(str, options)]) == 0
        return out

    return run


def sent(bundle: Path, images: np.ndarray, **options) -> np.ndarray:
    device = Device(bundle, secret=SECRET, **options)
    try:
        return device.encode(images).x
    finally:
        device.close()


def test_a_new_cloud_half_leaves_encoder_keys_and_x_as_they_were_and_is_signed(
    exported, exported_anew, tmp_path
):
    key = new_key(tmp_path / "key")
    new = exported_anew(["processing"], "--sign", tmp_path / "key")
    before, after = load_manifest(exported.edge), load_manifest(new / "edge", trusted_key=key)
    assert after.model_name != before.model_name
    assert (after.encoder.sha256, after.lineage) == (before.encoder.sha256, None)
    x = sent(new, exported.images, trusted_key=key)
    np.testing.assert_array_equal(x, sent(exported.bundle, exported.images))
    with pytest.raises(Untrusted, match="not signed by a trusted key"):
        sent(new, exported.images, trusted_key=new_key(tmp_path / "other"))


def test_a_lineage_keeps_the_keys_of_another_encoder(exported, exported_anew):
    new = load_manifest(exported_anew(["encoder"], "--lineage", exported.bundle) / "edge")
    before = load_manifest(exported.edge)
    assert new.encoder.sha256 != before.encoder.sha256
    assert new.lineage == before.encoder.sha256
    assert new.key_context == before.key_context


def test_a_lineage_or_a_key_that_is_none_writes_nothing(exported, tmp_path, capsys):
    command = ["export", "--ckpt", str(exported.checkpoint), "--out", str(tmp_path / "out")]
    for option, said in (("--lineage", "No bundle at"), ("--sign", "No key at")):
        assert main([*command, option, str(tmp_path / "none")]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
