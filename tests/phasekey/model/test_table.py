"""The page of all networks says what the code builds, and its counts are those of pencil and paper."""

from pathlib import Path

from phasekey.model.table import networks, page

PAGE = Path(__file__).resolve().parents[3] / "docs" / "networks.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m phasekey.model.table > docs/networks.md"


def test_all_thirteen_networks_are_there() -> None:
    assert len(list(networks())) == 13


def test_device_shares_by_hand() -> None:
    (row,) = (line for line in PAGE.read_text().splitlines() if line.startswith("| resnet20 |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    stem, head = 2 * 27 * 16 * 32 * 32, 2 * 16 * 16 * 32 * 32  # 3 × 3 on three channels, then 1 × 1
    classes = 2 * 64 * 10
    assert cells[3] == f"{(stem + head + classes) / 1e6:,.2f}"
    assert cells[6] == f"{2 * 16 * 32 * 32:,}"
    assert float(cells[4].rstrip("%")) <= 20  # a split that pays asks little of the device


def test_the_lenet_row_by_hand() -> None:
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith("| lenet "))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    generator = 4 * (6 * 6 * 9 + 6) + 2 * 2 * 6  # four convolutions with bias, two batch norms
    encoder = 3 * 6 * 25 + 6 + generator
    processing = 6 * 16 * 25 + 400 * 120 + 120 * 84  # no bias anywhere
    assert cells[4] == f"{encoder:,} / {processing:,} / {84 * 10 + 10:,}"
    images = 2 * 2 * (6 * 28 * 28 * 75 + 4 * 6 * 14 * 14 * 54)  # multiply and add, image and decoy
    parts = 2 * 2 * (16 * 10 * 10 * 150 + 400 * 120 + 120 * 84)  # multiply and add, both components
    assert cells[5] == f"{images / 1e6:,.2f} / {parts / 1e6:,.2f} / {2 * 840 / 1e6:,.2f}"
    assert cells[6] == f"{8 * 6 * 14 * 14:,} / {8 * 84:,}"
