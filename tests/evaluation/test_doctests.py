from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = [
    "calibration",
    "classification",
    "detection",
    "estimates",
    "evaluate",
    "matching",
    "mistakes",
    "segmentation",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name):
    result = doctest.testmod(importlib.import_module(f"shipseg.evaluation.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
