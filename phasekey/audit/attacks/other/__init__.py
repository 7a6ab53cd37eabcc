"""Attacks on the answer, the decoy, repeated inputs and the training data."""
