"""Attacks on the secret angle."""
