"""The group that a proof is about: which matrices may act on the components of a sample.

SO(2), the paper's rotations of a pair (re, im), or O(k), all orthogonal matrices on k components,
reflections too. What differs between the two is all in this file. A map that commutes with O(k) acts on each
component alike (its commutant is the real numbers); one that commutes with SO(2) alone may also multiply by
i, so complex weights are right for rotations and wrong where there are reflections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from export.proof.numbering import Numbering
from export.proof.types import Component, Invariant, Kind, Refused


@dataclass(frozen=True)
class Group:
    """O(size) where `reflections`, else SO(2), whose size is 2."""

    size: int = 2
    reflections: bool = False

    def __str__(self) -> str:
        return f"O({self.size})" if self.reflections else "SO(2)"

    @property
    def parts(self) -> str:
        """What a sample's parts are called."""
        return f"{self.size} components" if self.reflections else "real and imaginary parts"

    def one_part(self, kind: Kind, source: int, index: int) -> Component:
        """Part `index`, from 0, of the tensor numbered `source`, alone; its sample is not set."""
        part = 1 << index if self.reflections and kind is Kind.PRODUCTS else index
        return Component(kind, source, part, None, self.reflections)

    def negated(self, part: Component, numbering: Numbering) -> Component:
        """Minus a rotating part: half a turn, or the same part of minus the tensor."""
        if self.reflections:
            return replace(part, source=numbering.number("negated", part.source))
        return replace(part, part=(part.part + 2) % 4)

    def turn_between(self, first: Component, other: Component) -> int:
        """By which quarter turns `other` is ahead of `first`, for a sum of the two.

        Raises:
            Refused: they are different components, which a reflection tells apart.
        """
        if self.reflections:
            if other.part != first.part:
                raise Refused(f"it joins different components of a sample: {first}; {other}")
            return 0
        return (other.part - first.part) % (4 if first.kind is Kind.ROTATES else 2)

    def product(self, one: Component, other: Component, numbering: Numbering) -> Component:
        """One of the products that, summed over the parts, make an invariant.

        Re(i^-a V) Re(i^-b W) plus the same with a + 1 and b + 1 is Re(i^(b - a) V conj(W)); of O(k), the sum
        over i of V_i W_i is their inner product, and no other sum of products is invariant.

        Raises:
            Refused: products of different components, under O(k).
        """
        first, second = sorted((one, other), key=lambda part: (part.source, part.part))
        turn = self.turn_between(second, first) if self.reflections else (first.part - second.part) % 4
        source = numbering.number("product", first.source, second.source, turn)
        index = first.part if self.reflections else first.part % 2
        return self.one_part(Kind.PRODUCTS, source, index)

    def sum_of_products(self, parts: Sequence[Component]) -> Component | Invariant | None:
        """Products of different parts of one tensor, summed: invariant once all are there; None if others."""
        if any(part.kind is not Kind.PRODUCTS or part.source != parts[0].source for part in parts):
            return None
        if not self.reflections:
            return Invariant() if [part.part for part in parts] in ([0, 1], [1, 0]) else None
        total = 0
        for part in parts:
            if total & part.part:
                return None
            total |= part.part
        return Invariant() if total == (1 << self.size) - 1 else replace(parts[0], part=total)

    def in_order(self, parts: Sequence[Component]) -> bool:
        """Whether these, one after another, are all parts of one tensor as a paired tensor holds them."""
        found = [part.part for part in parts]
        if self.reflections:
            kind = parts[0].kind
            wanted = [self.one_part(kind, 0, index).part for index in range(self.size)]
            return (sorted(found) if kind is Kind.PRODUCTS else found) == wanted
        if parts[0].kind is Kind.PRODUCTS:
            return found[0] != found[1]
        return found[1] == (found[0] + 1) % 4


ROTATIONS = Group()
