"""Phasekey: private inference by a keyed rotation."""

__version__ = "0.1.0"
