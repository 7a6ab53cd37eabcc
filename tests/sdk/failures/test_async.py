"""The same failures, awaited: the two clients share their walks, not their waiting."""

import asyncio
import socket

import numpy as np
import pytest

from sdk import (
    AsyncEdgeClient,
    AsyncGrpcTransport,
    ClientClosed,
    DeadlineExceeded,
    Unauthenticated,
    Unavailable,
    WrongModel,
)

from .conftest import impatient


async def predicts(client, export):
    images = export.network.images(3)
    found = (await client.predict(images)).probabilities
    np.testing.assert_allclose(found, export.network.probabilities(images), atol=2e-5)


def test_a_black_hole_blocks_no_loop(small_export):
    async def wait():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            target = f"127.0.0.1:{listener.getsockname()[1]}"
            client = AsyncEdgeClient(small_export.edge, target, connect_timeout=0.4)
            call = asyncio.create_task(client.predict(small_export.network.images(1)))
            turns = 0
            while not call.done():
                await asyncio.sleep(0.01)
                turns += 1
            await client.close()
            return turns, call.exception()

    turns, error = asyncio.run(wait())
    assert isinstance(error, DeadlineExceeded)
    assert turns > 5


def test_a_half_open_connection_is_left_for_a_new_one(small_export, proxy):
    async def use():
        transport = AsyncGrpcTransport(proxy.address, small_export.manifest.model_name)
        async with AsyncEdgeClient(small_export.edge, transport=transport) as client:
            await predicts(client, small_export)
            proxy.half_open = 1
            with impatient(transport), pytest.raises(DeadlineExceeded):
                await predicts(client, small_export)
            await predicts(client, small_export)

    asyncio.run(use())
    assert proxy.connections == 2


def test_a_killed_server_and_another(small_export, processes):
    async def use():
        one, other = processes(), processes()
        async with AsyncEdgeClient(small_export.edge, [one.address, other.address]) as client:
            # One server may be left with all of them, and takes 32 of a client at a time.
            calls = [asyncio.create_task(predicts(client, small_export)) for _ in range(30)]
            one.process.kill()
            await asyncio.gather(*calls)
            one.process.wait()
            await asyncio.gather(*(predicts(client, small_export) for _ in range(20)))
            other.process.kill()
            other.process.wait()
            with pytest.raises(Unavailable):
                await predicts(client, small_export)

    asyncio.run(use())


def test_what_is_refused_and_what_is_closed(small_export, new_export, server, fake_server, abort):
    async def use():
        other = new_export(seed=2)
        with pytest.raises(WrongModel):
            async with AsyncEdgeClient(other.edge, server.address):
                pytest.fail("must not get here")
        client = AsyncEdgeClient(small_export.edge, fake_server(ModelInfer=abort("UNAUTHENTICATED")))
        with pytest.raises(Unauthenticated):
            await predicts(client, small_export)
        await client.close()
        with pytest.raises(ClientClosed):
            await predicts(client, small_export)

    asyncio.run(use())
