"""docs/capacity.md: each of its sums done again, from the figures and by the formulas on the page."""

import math
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "capacity.md").read_text(encoding="utf-8")


def tables() -> list[tuple[str, list[list[str]]]]:
    """Each table's rows below its head, with the heading that it stands under."""
    found, heading = [], ""
    for block in re.split(r"\n{2,}", PAGE):
        if block.startswith("#"):
            heading = block.lstrip("# ")
        if block.startswith("|"):
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
            found.append((heading, rows[2:]))
    return found


def number(text: str) -> float:
    return float(text.split(" ")[0].replace(",", ""))


MEASURED = {row[0]: row for heading, rows in tables() if heading == "Measured" for row in rows}
((_, (ASSUMED,)),) = [table for table in tables() if table[0] == "Assumed"]
LOADS = [table for table in tables() if "requests a minute" in table[0]]


def near(shown: str, value: float) -> bool:
    """Whether a figure is shown as rounding shows it."""
    digits = len(shown.partition(".")[2])
    return abs(number(shown) - value) <= 0.5001 * 10**-digits


def test_the_page_has_the_ways_and_loads_that_were_asked_for() -> None:
    assert [number(heading) for heading, _ in LOADS] == [1e3, 1e6, 1e8]
    for wanted in ("plain", "k = 2", "k = 4", "JPEG"):
        assert any(wanted in way for way in MEASURED)
    assert all([row[0] for row in rows] == list(MEASURED) for _, rows in LOADS)


@pytest.mark.parametrize("way", list(MEASURED))
def test_a_core_answers_as_many_as_its_time_allows(way: str) -> None:
    _, cpu, rate, _, _, _ = MEASURED[way]
    assert near(rate, 1000 / number(cpu))


@pytest.mark.parametrize(("heading", "rows"), LOADS)
def test_the_sums_come_out(heading: str, rows: list[list[str]]) -> None:
    use, cores, nic, core_hour, gigabyte = map(float, ASSUMED)
    per_second = number(heading) / 60
    assert near(re.search(r"([\d,]+) a second", heading)[1], per_second)
    for way, busy, machines, into, out, for_machines, for_traffic in rows:
        _, cpu, _, _, up, down = MEASURED[way]
        wanted_cores = per_second * number(cpu) / 1000
        wanted_in = per_second * number(up) * 8 / 1e9
        wanted = max(2, math.ceil(wanted_cores / use / cores), math.ceil(wanted_in / use / nic))
        assert near(busy, wanted_cores)
        assert near(into, wanted_in)
        assert near(out, per_second * number(down) * 8 / 1e9)
        assert number(machines) == wanted
        assert near(for_machines, wanted * cores * 730 * core_hour)
        assert near(for_traffic, per_second * number(down) * 730 * 3600 / 1e9 * gigabyte)


def test_the_bottlenecks_are_of_these_figures() -> None:
    use, cores = map(float, ASSUMED[:2])
    text = " ".join(PAGE.split("## Where the next bottleneck is")[1].split())
    said = re.search(r"of plain ([\d.]+) Gbit/s, of k = 4 ([\d.]+) Gbit/s, of JPEG ([\d.]+) Gbit/s", text)
    ways = [next(row for way, row in MEASURED.items() if word in way) for word in ("plain", "k = 4", "JPEG")]
    for shown, (_, cpu, _, _, up, _) in zip(said.groups(), ways, strict=True):
        assert near(shown, cores * use * 1000 / number(cpu) * number(up) * 8 / 1e9)
    memory, idle = re.search(r"are ([\d,]+) GB of memory at ([\d.]+) kB", text).groups()
    assert near(memory, 1e8 * number(idle) / 1e6)
