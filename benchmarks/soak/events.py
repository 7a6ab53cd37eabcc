"""What happens to the servers under load. Each event says what it saw; callers count what they lost."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean

from benchmarks.soak.callers import Caller
from benchmarks.soak.servers import Authority, Replica, Versions

NOTICED = 30.0  # seconds within which a server has to show a new certificate; it looks once a second


@dataclass(frozen=True)
class Outcome:
    """One event: what came of it, and whether that is right."""

    event: str
    found: str
    good: bool


class Stage:
    """The servers, what they serve, and the events in the order of a run."""

    def __init__(
        self, replicas: list[Replica], authority: Authority, versions: Versions, spender: Caller
    ) -> None:
        self._replicas, self._authority, self._versions = replicas, authority, versions
        self._spender = spender
        self.events: tuple[Callable[[], Outcome], ...] = (
            self.rolling_restart,
            self.new_certificate,
            self.version_forward,
            self.version_back,
            self.decoys_used_up,
        )

    def rolling_restart(self) -> Outcome:
        """Restart one after the other."""
        statuses = [replica.restart() for replica in self._replicas]
        return Outcome("rolling restart of both servers", f"exit statuses {statuses}", not any(statuses))

    def new_certificate(self) -> Outcome:
        """Renew the certificate, and wait until new connections are shown it."""
        before = [self._shown(replica) for replica in self._replicas]
        self._authority.renew()
        end = time.monotonic() + NOTICED
        while (after := [self._shown(replica) for replica in self._replicas]) and time.monotonic() < end:
            if all(new != old for new, old in zip(after, before, strict=True)):
                return Outcome("certificate rotated", "both servers show the new one", True)
            time.sleep(0.2)
        return Outcome("certificate rotated", "a server still shows the old one", False)

    def version_forward(self) -> Outcome:
        """Add a version and load."""
        self._versions.add()
        return self._served("version rolled forward", ("2",))

    def version_back(self) -> Outcome:
        """Take it away and load."""
        self._versions.remove()
        return self._served("version rolled back", ("1",))

    def decoys_used_up(self) -> Outcome:
        """Let one device use its decoys up: refused from then on, but for what it sent before."""
        if not self._spender.has_archive:
            return Outcome("decoys used up", "the bundle's decoys are drawn: nothing to use up", True)
        answered, wrong = self._spender.use_up()
        found = f"{answered} new inputs answered, then refused; a repeat {wrong or 'answered as before'}"
        return Outcome("decoys used up", found, answered == self._spender.affords and not wrong)

    def _served(self, event: str, wanted: tuple[str, ...]) -> Outcome:
        found = [replica.load() for replica in self._replicas]
        return Outcome(event, f"versions served: {found}", all(versions == wanted for versions in found))

    def _shown(self, replica: Replica) -> str:
        host, _, port = replica.target.rpartition(":")
        return ssl.get_server_certificate((host, int(port)), ca_certs=str(self._authority.roots))


@dataclass
class Memory:
    """MB of each server over time, from after the last restart on."""

    samples: list[tuple[float, ...]]

    @property
    def growth(self) -> float:
        """MB, of the worse server: from the second quarter's mean to the last's; the first is to warm up."""
        quarter = len(self.samples) // 4
        second, last = self.samples[quarter : 2 * quarter], self.samples[-quarter:]
        each = zip(zip(*second, strict=True), zip(*last, strict=True), strict=True)  # by server
        return float(max(mean(late) - mean(early) for early, late in each))
