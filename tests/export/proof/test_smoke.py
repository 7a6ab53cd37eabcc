from .graph_builder import network


def test_it(check):
    v = check(network())
    assert v.proved, v
