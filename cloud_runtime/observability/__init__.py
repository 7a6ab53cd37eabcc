"""Metrics, logs and traces; none of them holds a payload or a token."""
