"""Spot checks against figures read off the tables by eye, and the shape of the whole."""

import pytest

from phasekey.training.reproduction.columns import COLUMNS
from phasekey.training.reproduction.published import SOURCES, SPEED, UNREADABLE, Published


@pytest.mark.parametrize(
    ("row", "source", "column", "error"),
    [
        ("resnet20-alpha-cifar10", "paper", "additional", 9.68),
        ("resnet20-alpha-cifar10", "paper", "complex", UNREADABLE),
        ("resnet20-alpha-cifar10", "reproduction", "complex", 11.88),
        ("resnet44-beta-cifar10", "reproduction", "original", 7.31),
        ("resnet110-beta-cifar10", "paper", "complex", 11.85),
        ("resnet110-beta-cifar10", "reproduction", "complex", None),
        ("lenet-cifar10", "paper", "complex", 17.95),
        ("lenet-cifar10", "reproduction", "noisy-1.0", 34.98),
        ("lenet-cifar10", "reproduction", "complex", 33.84),
        ("resnet56-alpha-cifar100", "paper", "noisy-0.5", 61.31),
        ("vgg16-cub200", "paper", "complex", 78.50),
        ("alexnet-celeba", "paper", "noisy-0.2", None),
        ("lenet-cifar10", "paper", "undefended", None),
    ],
)
def test_figures_are_those_of_the_tables(row, source, column, error):
    assert Published().error(row, source, column) == error


def test_every_figure_is_a_percentage_of_a_column_we_have():
    published = Published()
    columns = {column.name for column in COLUMNS}
    for row, sources in published._rows.items():
        assert sources.keys() <= {*SOURCES, SPEED}, row
        for cells in (sources[source] for source in SOURCES if source in sources):
            assert cells.keys() <= columns
            assert all(value == UNREADABLE or 0 < value < 100 for value in cells.values())


def test_times_are_those_of_table_5():
    published = Published()
    assert published.seconds("alexnet-celeba", "complex") == 0.0027
    assert published.seconds("resnet56-alpha-cifar100", "additional") == 0.0004
    assert published.seconds("lenet-cifar10", "complex") is None
