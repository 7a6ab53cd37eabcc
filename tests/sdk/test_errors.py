"""The kinds of errors: all one family, each saying what the caller can do."""

import copy
import pickle

import grpc
import pytest

import sdk
from phasekey.errors import PhasekeyError
from sdk.transport.status import error_of

KINDS = [kind for kind in vars(sdk).values() if isinstance(kind, type) and issubclass(kind, sdk.SdkError)]
RETRYABLE = {"Unavailable", "DeadlineExceeded", "Overloaded", "ServerFailed"}


@pytest.mark.parametrize("kind", KINDS)
def test_all_are_one_family_and_say_whether_to_try_again(kind):
    assert issubclass(kind, PhasekeyError)
    assert kind.retryable == (kind.__name__ in RETRYABLE)


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301
def test_they_travel_between_processes_whole(again):
    error = again(sdk.Unavailable("gone", code=grpc.StatusCode.UNAVAILABLE, done="nothing was sent"))
    assert (str(error), error.code, error.done) == ("gone", grpc.StatusCode.UNAVAILABLE, "nothing was sent")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("UNAVAILABLE", sdk.Unavailable),
        ("DEADLINE_EXCEEDED", sdk.DeadlineExceeded),
        ("RESOURCE_EXHAUSTED", sdk.Overloaded),
        ("UNAUTHENTICATED", sdk.Unauthenticated),
        ("PERMISSION_DENIED", sdk.Forbidden),
        ("NOT_FOUND", sdk.WrongModel),
        ("UNIMPLEMENTED", sdk.WrongServer),
        ("INVALID_ARGUMENT", sdk.RequestRefused),
        ("CANCELLED", sdk.Cancelled),
        ("INTERNAL", sdk.ServerFailed),
    ],
)
def test_each_status_has_its_kind(code, kind):
    status = grpc.StatusCode[code]
    error = error_of(status, None, target="T", model="M", timeout=1, done="x was sent")
    assert type(error) is kind
    assert (error.code, error.done) == (status, "x was sent")
