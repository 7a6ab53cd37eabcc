"""The devices behind a grid: who is there, who has the network, and how long is waited for them."""

import time
from typing import Any

from flwr.app import ConfigRecord, Message, RecordDict
from flwr.serverapp import Grid

from phasekey.federated.errors import FederatedError
from phasekey.federated.flower.device import AGREED, MEET
from phasekey.federated.settings import Rounds, Terms

LOOK_EVERY = 1.0  # seconds between looks for devices
PAUSE = 0.2  # seconds between looks for answers


class Deadline:
    """A grid that waits so long for answers and no longer, whatever a workflow says.

    Args:
        grid: to the devices.
        seconds: for each exchange.
    """

    def __init__(self, grid: Grid, seconds: float) -> None:
        self._grid, self._seconds = grid, seconds

    def __getattr__(self, name: str) -> Any:
        """All else is the grid's own."""
        return getattr(self._grid, name)

    def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> list[Message]:
        """Send, and give the answers that came in time; Flower's own looks for them every 3 seconds alone."""
        until = time.monotonic() + self._seconds
        waiting = {number for number in self._grid.push_messages(messages) if number is not None}
        answers: list[Message] = []
        while waiting:
            came = list(self._grid.pull_messages(waiting))
            answers += came
            waiting -= {answer.metadata.reply_to_message_id for answer in came}
            if not waiting or time.monotonic() > until:
                break
            time.sleep(PAUSE)
        return answers


class Fleet:
    """The devices behind a grid: who is there, and who has the network.

    Args:
        grid: to them.
        rounds, terms: how the run goes.
        network: bytes of the checkpoint that the run began with.
    """

    def __init__(self, grid: Any, rounds: Rounds, terms: Terms, network: bytes) -> None:
        self._grid, self._rounds = grid, rounds
        self._agreed = {"aggregate": rounds.aggregate, "thawed": terms.thawed, "checkpoint": network}
        self._ready: set[int] = set()

    def gather(self, number: int) -> list[int]:
        """Wait for a round's devices, and send the network to those that are new.

        Returns:
            Nodes, `clients` of them or as many as came.

        Raises:
            FederatedError: fewer came than make a round.
        """
        until = time.monotonic() + self._rounds.wait
        there = self._there(number)
        while len(there) < self._rounds.clients and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
            there = self._there(number)
        if len(there) < self._rounds.min_clients:
            raise FederatedError(
                f"round {number} waited {self._rounds.wait:g} s for {self._rounds.clients} devices, and "
                f"{len(there)} are ready of the {self._rounds.min_clients} that make a round; what came of "
                "the rounds before is kept: give the same command again to go on"
            )
        return there[: self._rounds.clients]

    def _there(self, number: int) -> list[int]:
        """Who is there and ready. A device that came anew is another node, and is met again."""
        nodes = sorted(self._grid.get_node_ids())
        content = RecordDict({AGREED: ConfigRecord(self._agreed)})
        new = [node for node in nodes if node not in self._ready]
        if new:
            answers = self._grid.send_and_receive(
                [Message(content, node, MEET, group_id=str(number)) for node in new]
            )
            self._ready |= {answer.metadata.src_node_id for answer in answers if not answer.has_error()}
        return [node for node in nodes if node in self._ready]
