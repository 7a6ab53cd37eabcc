"""What a store can refuse. None of it holds a pixel, a key or an input's code."""

from sdk.errors import SdkError


class StoreError(SdkError):
    """The file is no store, of another version, or cannot be read or written."""


class DecoysExhausted(SdkError):  # noqa: N818 - what an app catches by what happened
    """Too few unused decoys are left for what was asked. Nothing was sent."""


class BudgetExhausted(SdkError):  # noqa: N818 - what an app catches by what happened
    """The next new input would take more nats than the budget has left. Nothing was sent."""
