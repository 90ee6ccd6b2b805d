"""The label table: read, validate, summarise, write."""

from shipseg.labels.exclusions import read_exclusions, without_excluded
from shipseg.labels.read import OnBadRow, read_labels
from shipseg.labels.split import read_split, write_split
from shipseg.labels.table import Fault, LabelTable
from shipseg.labels.write import write_labels

__all__ = [
    "Fault",
    "LabelTable",
    "OnBadRow",
    "read_exclusions",
    "read_labels",
    "read_split",
    "without_excluded",
    "write_labels",
    "write_split",
]
