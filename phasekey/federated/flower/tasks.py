"""Tasks of SuperLink and SuperNodes, done by the code that is installed here.

Flower sends programs along with a run, and its own executor runs them. A device that did so would hand its
images to whoever runs the SuperLink: so the executor is ours, and a program that came is never unpacked.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from logging import ERROR, WARNING, getLogger
from typing import Any

from flwr.app import Context, Error, Message
from flwr.common.serde import context_from_proto, run_from_proto
from flwr.proto.runtime_pb2 import AcquireTaskRequest, PullTaskInputRequest, PushTaskOutputRequest
from flwr.serverapp import Grid
from flwr.supercore.constant import TaskType
from flwr.supercore.heartbeat import HeartbeatSender, make_task_heartbeat_fn_http
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.retry import make_simple_http_retry_invoker
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink.grid import HttpGrid
from flwr.supernode.runtime.run_clientapp import pull_task_input, push_message, push_task_output
from httpx import HTTPError

from phasekey.federated.errors import FederatedError
from phasekey.federated.flower.children import LOOPBACK, Child, Tls
from phasekey.federated.flower.control import control, register, start_run

App = Callable[[Message, Context], Message]
FAILED = 2  # code of an answer that is none
PAUSE = 0.2  # seconds between looks for a task
TRIES = 3  # of a request to a program of Flower's on this machine
TASK_WITHIN = 30.0  # seconds for the SuperLink to offer the run's task
ACQUIRE = frozenset({"/flwr.proto.Runtime/AcquireTask"})


@contextmanager
def open_run(link: Child, tls: Tls | None, keys: Sequence[bytes]) -> Iterator[tuple[Grid, Context]]:
    """Start a run on a SuperLink of this machine, and be its ServerApp until the block is left.

    Args:
        link: the SuperLink, listening.
        tls: whom to believe; None for plaintext.
        keys: public keys of devices, for a SuperLink that asks for them.

    Yields:
        The grid to the devices, and the context of the ServerApp.

    Raises:
        FederatedError: the SuperLink gave no task.
    """
    address = f"{LOOPBACK}:{link.port}"
    root = None if tls is None else tls.authority.read_bytes()
    with control(address, root, link.secret) as client:
        register(client, keys)
        start_run(client)
    token = _wait_for_task(_client(address, root, _Executor(link)), TaskType.SERVER_APP)
    grid = HttpGrid(address, insecure=root is None, root_certificates=root, token=token)
    runtime = grid._runtime_client
    beats = HeartbeatSender(make_task_heartbeat_fn_http(runtime))
    beats.start()
    given = runtime.PullTaskInput(PullTaskInputRequest())
    _be(given.task_id, given.run.run_id, given.context.node_id)
    grid.set_run(run_from_proto(given.run))
    status, details = "failed", "the server's run ended early"
    try:
        yield grid, context_from_proto(given.context)
        status, details = "completed", ""
    finally:
        runtime.PushTaskOutput(PushTaskOutputRequest(sub_status=status, details=details))
        beats.stop()
        grid.close()


def answer(nodes: Sequence[tuple[Child, App]], keep_on: Callable[[], bool]) -> None:
    """Do the tasks of SuperNodes of this machine, one after another.

    Args:
        nodes: each with the app that answers its messages. An app that raises answers with an error that
            says nothing of why: the words stay in this process's log.
        keep_on: asked after each look round.
    """
    clients = [(node, _client(f"{LOOPBACK}:{node.port}", None, _Executor(node)), app) for node, app in nodes]
    while keep_on():
        idle = True
        for node, client, app in clients:
            try:
                token = _acquire(client, TaskType.CLIENT_APP) if node.runs else None
                if token is not None:
                    idle = False
                    _answer(node, token, app)
            except HTTPError as error:  # the SuperNode went away meanwhile; whoever started it sees to it
                getLogger(__name__).log(WARNING, "this device's part is lost: %s", type(error).__name__)
        if idle:
            time.sleep(PAUSE)


def _answer(node: Child, token: str, app: App) -> None:
    runtime = _client(f"{LOOPBACK}:{node.port}", None, RuntimeTokenHttpInterceptor(token))
    beats = HeartbeatSender(make_task_heartbeat_fn_http(runtime))
    beats.start()
    status = "completed"
    try:
        message, context, _, _ = pull_task_input(runtime)
        try:
            reply = app(message, context)
        except Exception as error:  # whatever training raises: the server learns no word of it
            getLogger(__name__).log(ERROR, "this device's part failed: %s", error)
            reply, status = Message(Error(code=FAILED), reply_to=message), "failed"
        push_message(runtime, reply, context)
        push_task_output(runtime, context, status, "")
    finally:
        beats.stop()
        runtime.close()


def _Executor(node: Child) -> Any:  # noqa: N802 - stands for a class of Flower's
    """Proves to a program of Flower's that its tasks may be given to us."""
    return SuperExecAuthHttpInterceptor(master_secret=node.secret, protected_methods=ACQUIRE)


def _client(address: str, root: bytes | None, who: Any) -> RuntimeHttpClient:
    retries = make_simple_http_retry_invoker()
    retries.max_tries = (
        TRIES  # its own number is infinite, and a SuperNode that is gone has to be started anew
    )
    return RuntimeHttpClient.from_server_address(
        server_address=address,
        insecure=root is None,
        root_certificates=root,
        interceptors=[RuntimeVersionHttpInterceptor(component_name="phasekey"), who],
        retry_invoker=retries,
    )


def _wait_for_task(client: RuntimeHttpClient, kind: TaskType) -> str:
    until = time.monotonic() + TASK_WITHIN
    while time.monotonic() < until:
        token = _acquire(client, kind)
        if token is not None:
            return token
        time.sleep(PAUSE)
    raise FederatedError("the SuperLink offered no task for its run; its log says why")


def _acquire(client: RuntimeHttpClient, kind: TaskType) -> str | None:
    offered = client.AcquireTask(AcquireTaskRequest(supported_task_types=[kind]))
    return str(offered.token) if offered.HasField("task") and offered.token else None


def _be(task: int, run: int, node: int) -> None:
    """Messages carry who sends them; Flower keeps it for the whole process."""
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = task, run, node
