"""What the tests of exports share: the trained network, and its graphs as int8 arithmetic needs them."""

import pytest

from export.graphs import Graphs, build_graphs
from phasekey.training.checkpoint import Checkpoint, load_checkpoint


@pytest.fixture(scope="session")
def checkpoint(exported) -> Checkpoint:
    return load_checkpoint(exported.checkpoint)


@pytest.fixture(scope="session")
def graphs(checkpoint) -> Graphs:
    return build_graphs(checkpoint.network, arithmetic="int8")
