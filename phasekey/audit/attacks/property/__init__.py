"""Attacks on a property of the image."""
