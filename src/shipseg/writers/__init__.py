"""Put results down: CSV tables, masks, pictures with outlines, comparisons, a page."""

from shipseg.writers.comparison import draw_comparison
from shipseg.writers.masks import write_mask
from shipseg.writers.names import file_stems
from shipseg.writers.overlay import ScoredShip, draw_overlay, write_picture
from shipseg.writers.submission import SubmissionWriter, open_submission
from shipseg.writers.tiles import TilesWriter, open_tiles

__all__ = [
    "ScoredShip",
    "SubmissionWriter",
    "TilesWriter",
    "draw_comparison",
    "draw_overlay",
    "file_stems",
    "open_submission",
    "open_tiles",
    "write_mask",
    "write_picture",
]
