"""Streams of both clients: order, bounds, what a failure costs, and who else is told."""

import asyncio
import io
import threading

import numpy as np
import pytest
from PIL import Image

from edge_runtime import EdgeRuntimeError
from phasekey.errors import PhasekeyError
from sdk import AsyncEdgeClient, ConfigurationError, EdgeClient, Prediction, Unavailable

SECRET = bytes(range(32))


class Asynchronous:
    """An in-memory transport behind coroutines."""

    def __init__(self, inner):
        self.inner = inner

    bytes_up = property(lambda self: self.inner.bytes_up)
    bytes_down = property(lambda self: self.inner.bytes_down)

    async def check(self, manifest):
        self.inner.check(manifest)

    async def infer(self, x):
        await asyncio.sleep(0)
        return self.inner.infer(x)

    async def close(self):
        self.inner.close()


def sync_stream(export, memory, images, client_options=None, **options):
    with EdgeClient(export.edge, transport=memory, secret=SECRET, **client_options or {}) as client:
        yield from client.predict_stream(images, **options)


def async_stream(export, memory, images, client_options=None, **options):
    results = []

    async def collect():
        made = AsyncEdgeClient(
            export.edge, transport=Asynchronous(memory), secret=SECRET, **client_options or {}
        )
        async with made as client:
            async for each in client.predict_stream(images, **options):
                results.append(each)  # noqa: PERF401 - what came before a failure is wanted

    try:
        asyncio.run(collect())
    except PhasekeyError as error:
        yield from results
        raise error
    yield from results


@pytest.fixture(params=[sync_stream, async_stream], ids=["sync", "async"])
def stream(request):
    return request.param


def assert_right(results, export, images):
    expected = export.network.probabilities(images)
    assert all(len(each) == 1 for each in results)
    np.testing.assert_allclose(np.concatenate([each.probabilities for each in results]), expected, atol=2e-5)


@pytest.mark.parametrize("batch", [1, 4, 100])
def test_gives_a_result_for_each_image_in_order(stream, small_export, memory, batch):
    images = small_export.network.images(23)
    results = list(stream(small_export, memory, (image for image in images), batch=batch))
    assert len(results) == 23
    assert_right(results, small_export, images)
    assert sum(len(x) for x in memory.sent) == 23


@pytest.fixture
def spoilt(small_export):
    """Seven images of which the third and the last cannot be read, and the places of the others."""
    images = small_export.network.images(7)
    items = [*images]
    items[2], items[6] = "nowhere.png", images[6][:3]
    return items, images[[0, 1, 3, 4, 5]]


@pytest.mark.parametrize("batch", [1, 3])
def test_a_bad_image_costs_itself_alone(stream, small_export, memory, spoilt, batch):
    items, good = spoilt
    skipped = list(stream(small_export, memory, items, on_error="skip", batch=batch))
    assert_right(skipped, small_export, good)
    returned = list(stream(small_export, memory, items, on_error="return", batch=batch))
    assert [isinstance(each, EdgeRuntimeError) for each in returned] == [False] * 2 + [True] + [False] * 3 + [
        True
    ]
    with pytest.raises(EdgeRuntimeError, match="nowhere"):
        list(stream(small_export, memory, items, batch=batch))


def test_what_came_before_a_failure_is_there(stream, small_export, memory, spoilt):
    items, good = spoilt
    seen = []
    with pytest.raises(EdgeRuntimeError, match=r"nowhere\.png"):
        seen.extend(stream(small_export, memory, items))
    assert_right(seen, small_export, good[:2])


def test_a_call_that_fails_costs_its_own_images(stream, small_export, memory):
    images, calls = small_export.network.images(9), []

    def fail_once(h):
        calls.append(len(h))
        if len(calls) == 2:
            raise Unavailable("gone")
        return h

    memory.alter = fail_once
    results = list(stream(small_export, memory, images, {"concurrency": 1}, on_error="return", batch=3))
    assert [isinstance(each, Unavailable) for each in results] == [False] * 3 + [True] * 3 + [False] * 3
    assert_right(results[:3] + results[6:], small_export, images[[0, 1, 2, 6, 7, 8]])


def test_draws_no_more_than_twice_what_is_under_way(small_export, memory):
    drawn = []

    def images():
        for number, image in enumerate(small_export.network.images(50)):
            drawn.append(number)
            yield image

    with EdgeClient(small_export.edge, transport=memory, concurrency=3) as client:
        results = client.predict_stream(images())
        for taken in range(1, 11):
            next(results)
            assert len(drawn) <= taken + 6
        results.close()
    assert len(drawn) < 50


def test_requests_overlap(small_export, memory):
    """Four requests meet in the cloud: with one at a time, they would wait for each other in vain."""
    meeting = threading.Barrier(4, timeout=20)

    def meet(h):
        meeting.wait()
        return h

    memory.alter = meet
    with EdgeClient(small_export.edge, transport=memory, concurrency=4) as client:
        assert len(list(client.predict_stream(small_export.network.images(8)))) == 8


def test_partial_results_are_on_the_exception(small_export, memory):
    images, calls = small_export.network.images(10), []

    def fail_third(h):
        calls.append(len(h))
        if len(calls) == 3:
            raise Unavailable("gone", done="x was sent")
        return h

    memory.alter = fail_third
    with EdgeClient(small_export.edge, transport=memory, batch_size=4, secret=SECRET) as client:
        with pytest.raises(Unavailable) as caught:
            client.predict(images)
        rest = client.predict(images[8:])
    partial = caught.value.partial
    assert partial.images == tuple(range(8))
    both = np.concatenate([partial.probabilities, rest.probabilities])
    np.testing.assert_allclose(both, small_export.network.probabilities(images), atol=2e-5)


def test_stream_takes_generators_of_bytes(stream, small_export, memory):
    images = small_export.network.images(3)

    def files():
        for image in images:
            buffer = io.BytesIO()
            Image.fromarray(image[..., 0]).save(buffer, "PNG")
            yield buffer.getvalue()

    assert_right(list(stream(small_export, memory, files())), small_export, images)


def test_async_streams_take_async_generators(small_export, memory):
    images = small_export.network.images(5)

    async def camera():
        for image in images:
            await asyncio.sleep(0)
            yield image

    assert_right(list(async_stream(small_export, memory, camera())), small_export, images)


@pytest.mark.parametrize("image", ["0.png", b"PNG", io.BytesIO(b"PNG"), 5])
def test_one_image_is_no_stream(stream, small_export, memory, image):
    with pytest.raises(ConfigurationError, match=r"not a \w+: give \[image\]"):
        list(stream(small_export, memory, image))


@pytest.mark.parametrize(
    ("options", "said"), [({"batch": 0}, "batch must be 1"), ({"on_error": "ignore"}, "on_error must be")]
)
def test_options_that_are_none(stream, small_export, memory, options, said):
    with pytest.raises(ConfigurationError, match=said):
        list(stream(small_export, memory, [], **options))


def test_an_async_client_predicts_through_a_real_server(small_export, server):
    images = small_export.network.images(70)

    async def predict():
        async with AsyncEdgeClient(small_export.edge, server.address, batch_size=16) as client:
            await client.warm_up()
            one, *many = await asyncio.gather(*(client.predict(images) for _ in range(5)))
            return one, many, client.traffic.images

    one, many, count = asyncio.run(predict())
    assert isinstance(one, Prediction)
    np.testing.assert_allclose(one.probabilities, small_export.network.probabilities(images), atol=2e-5)
    assert all(other.labels == one.labels for other in many)
    assert count == 350
