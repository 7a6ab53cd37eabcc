"""A line for each client, served in rotation, so that a client that floods waits for itself alone."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from itertools import islice

from cloud_runtime.serving.call import Call


class _Line(deque[Call]):
    """One client's calls in order. ``yields``: samples of others that may step in before its next turn."""

    yields = 0


class Lines:
    """The calls that wait. Not safe to use from several threads: the queue has the lock."""

    def __init__(self) -> None:
        self._by_client: OrderedDict[str, _Line] = OrderedDict()  # in the order of their turns

    def __bool__(self) -> bool:
        return bool(self._by_client)

    def first(self) -> Call:
        """Look at whose turn is next."""
        return next(iter(self._by_client.values()))[0]

    def append(self, call: Call, *, again: bool = False) -> None:
        """Put a call at its line's end; or, between two turns of it, back at the line's head."""
        call.since = time.monotonic_ns()
        line = self._by_client.get(call.client)
        if line is None:
            line = self._by_client[call.client] = _Line()
            if again:
                line.yields = call.turn
            else:
                self._step_in(call.turn)
        if again:  # what a client began first, it gets first
            line.appendleft(call)
        else:
            line.append(call)
        call.model.statistics.queued(1)

    def _step_in(self, size: int) -> None:
        """Let the last line go before those that have had a turn and want more, each as much as it had.

        Whoever asks for little waits for the run under way and not for the next slice of a flood as well,
        and whoever floods keeps half of the time.
        """
        passed: list[str] = []
        for client, line in islice(reversed(self._by_client.items()), 1, None):
            if line.yields < size:
                break
            line.yields -= size
            passed.append(client)
        for client in reversed(passed):
            self._by_client.move_to_end(client)

    def remove(self, call: Call) -> bool:
        """Take a call out of its line; tells whether it stood there."""
        line = self._by_client.get(call.client)
        if line is None or call not in line:
            return False
        line.remove(call)
        if not line:
            del self._by_client[call.client]
        call.model.statistics.queued(-1)
        return True

    def pop(self) -> Call:
        """Take the next client's oldest call, and let that client wait for the others."""
        client, line = next(iter(self._by_client.items()))
        call = line.popleft()
        if line:
            self._by_client.move_to_end(client)
            line.yields = call.turn
        else:
            del self._by_client[client]
        call.model.statistics.queued(-1)
        return call

    def joining(self, call: Call, room: int) -> list[Call]:
        """Choose calls of the same model that fit into the room, one of each client's line in rotation."""
        chosen: list[Call] = []
        lines = [iter(line) for line in self._by_client.values()]
        while lines and room > 0:
            for line in list(lines):
                other = next(line, None)
                if other is None:
                    lines.remove(line)
                elif other.model is call.model and 0 < other.left <= room and call.fits(other):
                    chosen.append(other)
                    room -= other.left
        return chosen
