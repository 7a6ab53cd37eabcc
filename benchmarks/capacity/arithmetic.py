"""From what one core does to what a number of requests a minute takes. Pure: figures in, figures out."""

import math
from dataclasses import dataclass

BITS, GIGA, MINUTE, HOURS = 8, 1e9, 60, 730  # bits of a byte; 10⁹; seconds; hours of a month
JPEG = "JPEG"


@dataclass(frozen=True)
class Way:
    """One way to be answered. cpu: of the server for a request, ms; up, down: bytes of its messages."""

    name: str
    cpu: float
    up: float
    down: float

    @property
    def rate(self) -> float:
        """Requests a second of one core that does nothing else."""
        return 1e3 / self.cpu


@dataclass(frozen=True)
class Assumptions:
    """What was not measured: put your own in.

    Attributes:
        use: of its cores, the part that a machine is planned to be busy at.
        cores: of a machine.
        nic: Gbit/s that a machine takes in.
        core_hour: price of a core for an hour.
        gigabyte_out: price of 10⁹ bytes to the outside; in is free with most.
    """

    use: float = 0.6
    cores: int = 16
    nic: float = 10.0
    core_hour: float = 0.04
    gigabyte_out: float = 0.05


@dataclass(frozen=True)
class Need:
    """cores busy; machines, by cores or by network, whichever is more; Gbit/s; prices a month."""

    cores: float
    machines: int
    by_network: bool
    gbit_in: float
    gbit_out: float
    machines_month: float
    traffic_month: float


def need(way: Way, per_minute: float, given: Assumptions) -> Need:
    """Say what it takes to answer so many requests a minute, all day, one way."""
    per_second = per_minute / MINUTE
    cores = per_second / way.rate
    gbit_in, gbit_out = (per_second * size * BITS / GIGA for size in (way.up, way.down))
    for_cores = math.ceil(cores / given.use / given.cores)
    for_network = math.ceil(gbit_in / given.use / given.nic)
    machines = max(2, for_cores, for_network)
    out = per_second * way.down * HOURS * 3600 / GIGA
    return Need(
        cores,
        machines,
        for_network > for_cores,
        gbit_in,
        gbit_out,
        machines * given.cores * HOURS * given.core_hour,
        out * given.gigabyte_out,
    )
