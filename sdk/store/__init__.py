"""The one file that a device keeps: decoys, which input took which, and the budget that is spent."""

from sdk.store.archive import Seat, Taken
from sdk.store.database import Store
from sdk.store.errors import BudgetExhausted, DecoysExhausted, StoreError

__all__ = ["BudgetExhausted", "DecoysExhausted", "Seat", "Store", "StoreError", "Taken"]
