"""Training of split networks: data, augmentation, the loop and its checkpoints.

Importing this package needs no torch; `phasekey.training.loop` and `phasekey.training.checkpoint` do.
"""
