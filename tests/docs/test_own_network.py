"""The code on the page about own networks runs as it stands."""

import re
from pathlib import Path

from phasekey.model import SplitNetwork

PAGE = Path(__file__).resolve().parents[2] / "docs" / "own-network.md"


def test_both_ways_give_a_network_that_is_split_as_the_page_says() -> None:
    described, cut, exported = re.findall(r"```py\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(described, names)  # noqa: S102 - our own page
    network = SplitNetwork(names["describe"](), classes=10, image=(3, 32, 32))
    assert network.feature_shape == (16, 16, 16)
    assert network.processed_shape == (64, 8, 8)
    exec(cut, names)  # noqa: S102
    assert names["network"].feature_shape == (8, 14, 14)
    compile(exported, str(PAGE), "exec")
    from export.pipeline import ExportOptions, export_network  # what the last block imports

    assert exported.count(export_network.__name__) == 2
    assert ExportOptions(name="mine").name == "mine"
