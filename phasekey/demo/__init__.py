"""`make demo`: from nothing to private predictions, measured and drawn."""
