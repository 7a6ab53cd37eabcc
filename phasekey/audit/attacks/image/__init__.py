"""Attacks that rebuild the image."""
