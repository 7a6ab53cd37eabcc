"""Does a graph treat samples alike? What a permutation needs, whose rows travel as samples by themselves.

Then Φ is some function of one sample, the same for all: whatever the order of the samples and whoever is
among them, each gets the answer that it gets alone. It is shown by types, as equivariance is (docs/adr/0016).
"""

from export.proof.samples.checker import SAMPLES_ALIKE, prove_samples_alike

__all__ = ["SAMPLES_ALIKE", "prove_samples_alike"]
