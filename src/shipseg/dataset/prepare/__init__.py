"""Tiles and labels in the layouts that other trainers read.

`divide_tiles` and `draw` choose tiles, `make_plan` names their files, `open_folder` holds the place
where they go, `make_files` makes them.
"""

from shipseg.dataset.prepare.draw import Parts, divide_tiles, draw
from shipseg.dataset.prepare.folder import PreparedFolder, open_folder
from shipseg.dataset.prepare.layout import Item, Labelled
from shipseg.dataset.prepare.plan import Plan, find_tiles, make_plan
from shipseg.dataset.prepare.request import LayoutName, Request, RleForm
from shipseg.dataset.prepare.work import Outcome, make_files

__all__ = [
    "Item",
    "Labelled",
    "LayoutName",
    "Outcome",
    "Parts",
    "Plan",
    "PreparedFolder",
    "Request",
    "RleForm",
    "divide_tiles",
    "draw",
    "find_tiles",
    "make_files",
    "make_plan",
    "open_folder",
]
