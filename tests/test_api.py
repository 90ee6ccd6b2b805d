from __future__ import annotations

import subprocess
import sys

import pytest

import shipseg


@pytest.mark.parametrize("name", shipseg.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(shipseg, name) is not None
    assert name in dir(shipseg)


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Ships'"):
        shipseg.Ships  # noqa: B018


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys, shipseg; "
        "print([m for m in ('torch', 'numpy', 'onnxruntime', 'PIL') if m in sys.modules]); "
        "shipseg.read_labels, shipseg.encode_rle, shipseg.Detector, shipseg.f2_score; "
        "print([m for m in ('torch', 'onnxruntime', 'rasterio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]


def test_names_are_the_same_object_each_time() -> None:
    from shipseg.rle import encode_rle

    assert shipseg.encode_rle is encode_rle
    assert shipseg.encode_rle is shipseg.encode_rle
