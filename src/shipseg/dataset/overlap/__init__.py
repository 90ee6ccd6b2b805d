"""Which tiles share ground, although nothing tells where they were cut."""

from shipseg.dataset.overlap.find import Search, find_overlaps
from shipseg.dataset.overlap.pairs import BLOCK_PX, Evidence, Overlap, group_overlaps
from shipseg.dataset.overlap.pixels import Unreadable, Watch

__all__ = [
    "BLOCK_PX",
    "Evidence",
    "Overlap",
    "Search",
    "Unreadable",
    "Watch",
    "find_overlaps",
    "group_overlaps",
]
