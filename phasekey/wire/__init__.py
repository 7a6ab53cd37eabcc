"""The wire: messages of the Open Inference Protocol v2, and numpy arrays in and out of them.

The ``*_pb2`` modules are generated; ``python -m phasekey.wire.regenerate`` writes them anew.
"""
