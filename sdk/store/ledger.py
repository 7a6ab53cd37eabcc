"""What was sent, by codes of the inputs, and what it spent. Each function works inside one transaction."""

from __future__ import annotations

import sqlite3

from sdk.store.errors import BudgetExhausted


def is_known(connection: sqlite3.Connection, code: bytes) -> bool:
    """Whether the input was sent before: then it sends the same x, and spends nothing."""
    return connection.execute("SELECT 1 FROM transmissions WHERE code = ?", (code,)).fetchone() is not None


def spent(connection: sqlite3.Connection) -> float:
    """Nats of all inputs so far."""
    return float(connection.execute("SELECT coalesce(sum(nats), 0) FROM transmissions").fetchone()[0])


def spend(
    connection: sqlite3.Connection, code: bytes, nats: float, budget: float | None, film: int | None = None
) -> None:
    """Note that a new input is to be sent.

    Raises:
        BudgetExhausted: the budget has not enough left for it.
    """
    if budget is not None:
        before = spent(connection)
        if before + nats > budget * (1 + 1e-12):  # sums of floats: the last whole one still fits
            raise BudgetExhausted(
                f"The budget of {budget:g} nats is used up: {before:.4g} are spent, and the next new input "
                f"takes {nats:.4g}. Inputs that were sent before are free. A larger budget= tells the cloud "
                "more; a new secret does not make it less."
            )
    connection.execute("INSERT INTO transmissions (code, nats, film) VALUES (?, ?, ?)", (code, nats, film))
