"""The root of every error that Phasekey raises on purpose."""


class PhasekeyError(Exception):
    """Base of all Phasekey errors; each public package has a subclass of its own.

    The message is written for the person who reads it: what was expected, what came, what to do.
    It never holds keys, angles, decoys, features or pixel values.
    """
