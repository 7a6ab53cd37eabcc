"""A Grid whose devices live in this process: real apps, real messages, no sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

from flwr.app import Context, Error, Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity

App = Callable[[Message, Context], Message]
RUN, SERVER, FIRST_DEVICE = 1, 1, 2  # numbers of the run and of nodes
FAILED = 2


def new_context(node: int) -> Context:
    """A context without settings, for a node."""
    return Context(run_id=RUN, node_id=node, node_config={}, state=RecordDict(), run_config={})


class InProcessGrid(Grid):
    """Calls each device's app when a message is sent to it, one after another.

    Args:
        apps: by node number. One that raises has failed, as a process would; one that is None never answers.
    """

    def __init__(self, apps: Mapping[int, App | None]) -> None:
        # Flower's processes are told who they are as they start; messages carry it. It has no public door.
        TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = RUN, RUN, SERVER
        self._apps = apps
        self._contexts = {node: new_context(node) for node in apps}
        self._replies: dict[str, Message] = {}
        self._sent = 0

    def set_run(self, run: Any) -> None:
        """There is one run."""

    @property
    def run(self) -> Any:
        """Flower asks it for its number alone."""
        return SimpleNamespace(run_id=RUN)

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Build a message, as Flower's own grids do."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """All that were given."""
        return list(self._apps)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Deliver, and keep the answers."""
        sent: list[str] = []
        for message in messages:
            self._sent += 1
            message.metadata.__dict__["_message_id"] = str(self._sent)  # as Flower's own grid does
            sent.append(message.metadata.message_id)
            answer = self._answer(message)
            if answer is not None:
                self._replies[message.metadata.message_id] = answer
        return sent

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Give the answers that there are."""
        return [self._replies.pop(number) for number in list(message_ids) if number in self._replies]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Deliver, and give the answers; what never answers is left out, as after the deadline."""
        return self.pull_messages(self.push_messages(messages))

    def _answer(self, message: Message) -> Message | None:
        node = message.metadata.dst_node_id
        app = self._apps[node]
        if app is None:
            return None
        try:
            return app(deepcopy(message), self._contexts[node])  # a wire copies; apps change what they get
        except Exception:  # whatever a device's program raises; its text stays there
            return Message(Error(code=FAILED), reply_to=message)
