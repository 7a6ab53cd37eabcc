"""The one file that a device keeps: decoys, which input took which, and the budget that is spent."""

from sdk.store.archive import Taken
from sdk.store.database import Store
from sdk.store.errors import BudgetExhausted, DecoysUsedUp, StoreError

__all__ = ["BudgetExhausted", "DecoysUsedUp", "Store", "StoreError", "Taken"]
