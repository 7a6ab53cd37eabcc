import threading

import pytest

from cloud_runtime.errors import NotServingError, OverloadedError
from cloud_runtime.serving.admission import Admission, Limits

MIB = 1024 * 1024


@pytest.fixture
def admission():
    return Admission(Limits(requests=4, bytes=8 * MIB, client_requests=2, client_bytes=4 * MIB))


def test_requests_are_counted_in_and_out(admission):
    tickets = [admission.enter(client) for client in "aabb"]
    with pytest.raises(OverloadedError, match="The server is full \\(4 requests\\)"):
        admission.enter("c")
    tickets[0].leave()
    tickets[0].leave()  # once more does no harm
    admission.enter("c")
    assert admission.requests == 4


def test_who_has_left_is_charged_nothing_more(admission):
    admission.enter("a").resize(MIB)
    gone = admission.enter("a")
    gone.leave()
    gone.resize(2 * MIB)
    gone.expect()
    assert (admission.requests, admission.bytes) == (1, MIB)


def test_a_client_gets_its_share_and_leaves_others_theirs(admission):
    for _ in range(2):
        admission.enter("a")
    with pytest.raises(OverloadedError, match="This client has 2 requests here"):
        admission.enter("a")
    admission.enter("b")


def test_bytes_are_bounded_for_each_client_and_for_all(admission):
    for client in "aabb":
        admission.enter(client).resize(2 * MIB)
    assert admission.bytes == 8 * MIB
    late = Admission(Limits(4, 8 * MIB, 4, 4 * MIB))
    late.enter("a").resize(3 * MIB)
    late.enter("b").resize(3 * MIB)
    third = late.enter("c")
    with pytest.raises(OverloadedError, match="queue is full"):
        third.resize(3 * MIB)
    third.leave()
    assert late.bytes == 6 * MIB


def test_a_client_is_refused_by_its_last_size_before_its_message_is_read(admission):
    admission.enter("a").resize(3 * MIB)
    with pytest.raises(OverloadedError, match="bytes here, its share"):
        admission.enter("a")


def test_a_first_burst_is_held_to_the_size_once_it_is_known(admission):
    first, second = admission.enter("a"), admission.enter("a")
    second.expect()  # nothing is known yet
    first.resize(3 * MIB)
    with pytest.raises(OverloadedError):
        second.expect()
    second.leave()
    assert (admission.requests, admission.bytes) == (1, 3 * MIB)


def test_one_request_always_fits_alone(admission):
    admission.enter("a").resize(100 * MIB)
    assert admission.bytes == 100 * MIB


def test_a_rate_lets_a_seconds_worth_in_and_no_more():
    admission = Admission(Limits(99, MIB, 99, MIB, client_rate=3))
    for _ in range(3):
        admission.enter("a").leave()
    with pytest.raises(OverloadedError, match="3 requests a second"):
        admission.enter("a")
    admission.enter("b")


def test_once_closed_nobody_enters_and_the_last_to_leave_is_noticed(admission):
    ticket = admission.enter("a")
    admission.close()
    with pytest.raises(NotServingError, match="shutting down"):
        admission.enter("b")
    assert not admission.wait_until_empty(0)
    threading.Timer(0.05, ticket.leave).start()
    assert admission.wait_until_empty(30)


def test_silent_clients_are_forgotten():
    admission = Admission(Limits(99, MIB, 99, MIB))
    held = admission.enter("held")
    for number in range(5000):
        admission.enter(f"{number}").leave()
    assert len(admission._clients) <= 4200
    held.leave()
    assert admission.requests == 0
