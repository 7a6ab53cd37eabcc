"""The decoder against the numpy oracle."""

import numpy as np
import pytest

from edge_runtime import Decoder, EdgeRuntimeError


@pytest.mark.parametrize("count", [1, 4])
def test_computes_probabilities(small_export, count):
    network = small_export.network
    images = network.images(count)
    processed = np.einsum("nfhw,pf->nphw", network.feature(images), network.processing).astype(np.float32)
    probabilities = Decoder(small_export.edge, small_export.manifest).decode(processed)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, network.probabilities(images), atol=1e-5)


def test_refuses_arrays_that_do_not_fit(small_export):
    decoder = Decoder(small_export.edge, small_export.manifest)
    with pytest.raises(EdgeRuntimeError, match=r"'feature' must be float32 \(N, 3, 4, 4\)"):
        decoder.decode(np.zeros((2, 6, 4, 4), np.float32))
    with pytest.raises(EdgeRuntimeError, match="not float64"):
        decoder.decode(np.zeros((2, 3, 4, 4)))
