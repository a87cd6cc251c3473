"""`pairs`: per stored entry its position, and a bit that says whether the one after it is stored, too."""

from sata.specs.encodings import Encoded, Fibres, Format


def encode(rank: Fibres) -> Encoded:
    return Encoded(rank.kept, rank.kept * (rank.bits + 1))


PAIRS = Format("pairs", "per stored entry its position and a bit for its neighbour", encode, ("bits",))
