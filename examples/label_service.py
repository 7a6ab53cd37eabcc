"""A small web service in front of a private prediction: it sees the images, the cloud behind it doesn't.

python examples/label_service.py build/digits/edge 127.0.0.1:8001 8080
curl --data-binary @photo.png http://127.0.0.1:8080/label
"""

import asyncio
import json
import sys
from http import HTTPStatus

from edge_runtime import EdgeRuntimeError
from phasekey.errors import PhasekeyError
from sdk import AsyncEdgeClient, CallError

LARGEST = 20 * 2**20  # bytes of an image
PATIENCE = 30  # seconds that a caller may take to send one


class Refused(Exception):  # noqa: N818 - what happened to the request
    """A request that gets no label."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


async def read_image(reader: asyncio.StreamReader) -> bytes:
    """Read the body of `POST /label`."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request, *headers = head.splitlines()
    if request.split(" ")[:2] != ["POST", "/label"]:
        raise Refused(HTTPStatus.NOT_FOUND, "POST an image file to /label.")
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in headers)
    }
    length = fields.get("content-length", "")
    if not length.isdigit() or int(length) > LARGEST:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Say the image's size; {LARGEST} bytes at most.")
    return await reader.readexactly(int(length))


async def label(client: AsyncEdgeClient, image: bytes) -> dict[str, object]:
    """Predict one image; what is wrong with it, or with the cloud, becomes an HTTP status."""
    try:
        result = await client.predict(image)
    except EdgeRuntimeError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
    except CallError as error:
        again = HTTPStatus.SERVICE_UNAVAILABLE if error.retryable else HTTPStatus.BAD_GATEWAY
        raise Refused(again, type(error).__name__) from error
    return {"label": result.labels[0], "top": result.top(3)[0]}


async def answer(client: AsyncEdgeClient, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection: one request, one answer."""
    try:
        image = await asyncio.wait_for(read_image(reader), PATIENCE)
        status, body = HTTPStatus.OK, await label(client, image)
    except Refused as refused:
        status, body = refused.status, {"error": str(refused)}
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
        status, body = HTTPStatus.BAD_REQUEST, {"error": "That was no whole request."}
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode() + text)
    try:
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except ConnectionError:
        pass  # whoever asked has gone


async def serve(bundle: str, target: str, port: int) -> None:
    """Answer until the program is stopped."""
    async with AsyncEdgeClient(bundle, target, resize=True) as client:
        await client.warm_up()
        server = await asyncio.start_server(lambda *ends: answer(client, *ends), "127.0.0.1", port)
        print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
        async with server:
            await server.serve_forever()


def main(bundle: str, target: str, port: str) -> int:
    """Serve; 0 after Ctrl-C."""
    try:
        asyncio.run(serve(bundle, target, int(port)))
    except KeyboardInterrupt:
        return 0
    except PhasekeyError as error:
        sys.exit(f"error: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 4 else __doc__)
