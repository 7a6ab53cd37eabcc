from dataclasses import replace

import numpy as np

from sdk.core.labels import label

PROBABILITIES = np.array([[0.9, 0.05, 0.6], [0.1, 0.5, 0.4]], np.float32)


def test_of_classes_the_likeliest_is_the_label(small_export):
    manifest = replace(small_export.manifest, labels=("ant", "bee", "cat"))
    assert label(PROBABILITIES, manifest) == ["ant", "bee"]


def test_of_attributes_all_that_are_likelier_than_not_are(small_export):
    manifest = replace(
        small_export.manifest, labels=("Bangs", "Hat", "Smiling"), network={"task": "attributes"}
    )
    assert label(PROBABILITIES, manifest) == ["Bangs, Smiling", "none"]
    assert all(type(name) is str for name in label(PROBABILITIES, manifest))
