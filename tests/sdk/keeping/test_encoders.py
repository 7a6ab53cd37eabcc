"""Lineage: what ties keys to an encoder, and what is said when it changes."""

import dataclasses
import warnings

import numpy as np
import pytest

from phasekey.bundle import Manifest, load_manifest, write_manifest
from sdk import DerivedKeys, EdgeClient, EncoderChangedWarning

SECRET = bytes(range(32))


def continued(export, lineage):
    """The export, as one that goes on with a lineage."""
    manifest = dataclasses.replace(export.manifest, lineage=lineage)
    write_manifest(export.edge, manifest)
    return dataclasses.replace(export, manifest=load_manifest(export.edge))


def test_without_a_lineage_the_manifest_and_the_keys_are_as_before(small_export):
    text = small_export.manifest.to_json()
    assert "lineage" not in text
    assert Manifest.from_json(text).key_context == small_export.manifest.encoder.sha256.encode()


def test_a_lineage_keeps_the_keys_of_another_encoder_file(small_export, new_export, memory):
    later = continued(new_export("later", seed=2), small_export.manifest.encoder.sha256)
    assert later.manifest.encoder.sha256 != small_export.manifest.encoder.sha256
    images = small_export.network.images(3)
    first, second = (
        EdgeClient(export.edge, transport=memory, secret=SECRET).keys.draw(images, 5)
        for export in (small_export, later)
    )
    np.testing.assert_array_equal(first.matrix, second.matrix)
    np.testing.assert_array_equal(first.noise, second.noise)
    other = DerivedKeys(SECRET, context=later.manifest.encoder.sha256.encode()).draw(images, 5)
    assert not np.isclose(first.matrix, other.matrix).all()


@pytest.mark.parametrize(("keeps", "said"), [(True, "with the keys they had"), (False, "under other keys")])
def test_a_changed_encoder_says_so_once(new_export, memory, tmp_path, keeps, said):
    own, former, later = {"data_folder": tmp_path / "own"}, new_export("a"), new_export("b", seed=2)
    if keeps:
        later = continued(later, former.manifest.encoder.sha256)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            EdgeClient(former.edge, transport=memory, **own)
    with pytest.warns(EncoderChangedWarning, match=said):
        EdgeClient(later.edge, transport=memory, **own)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EdgeClient(later.edge, transport=memory, **own)
        EdgeClient(former.edge, transport=memory, ephemeral=True)  # keeps nothing, remembers nothing


def test_a_damaged_memory_is_gone_without(small_export, memory, tmp_path):
    (tmp_path / "encoders.db").write_bytes(b"no database" * 100)
    EdgeClient(small_export.edge, transport=memory, data_folder=tmp_path).predict(
        small_export.network.images(1)
    )
