"""Devices: what is taken, and what is said where something is missing."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import pytest

from shipseg.errors import MissingDependencyError, UsageError
from shipseg.inference import devices
from shipseg.inference.devices import PROVIDERS, Device, choose_device, count_cards


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set up a machine with what a test says it has."""

    def set_up(
        *, cuda: bool = False, cards: int = 0, openvino: bool = False, bf16: bool = False
    ) -> None:
        providers = PROVIDERS[Device.tensorrt] if cuda else PROVIDERS[Device.cpu]
        capabilities = ("FP32", "BF16") if bf16 else ("FP32",)
        monkeypatch.setattr(devices, "onnx_providers", lambda: providers)
        monkeypatch.setattr(devices, "count_cards", lambda: cards)
        monkeypatch.setattr(devices, "has_openvino", lambda: openvino)
        monkeypatch.setattr(devices, "openvino_capabilities", lambda: capabilities)

    return set_up


@pytest.mark.parametrize(
    ("has", "taken"),
    [
        ({}, "cpu"),
        ({"openvino": True}, "cpu"),
        ({"openvino": True, "bf16": True}, "openvino"),
        ({"bf16": True}, "cpu"),
        ({"cuda": True}, "cpu"),
        ({"cards": 1}, "cpu"),
        ({"cuda": True, "cards": 1}, "cuda"),
        ({"cuda": True, "cards": 2, "openvino": True, "bf16": True}, "cuda"),
        ({"cuda": True, "openvino": True, "bf16": True}, "openvino"),
    ],
    ids=str,
)
def test_auto_takes_the_fastest_that_is_there(
    machine: Any, has: dict[str, Any], taken: str
) -> None:
    machine(**has)
    assert choose_device("auto") == taken


@pytest.mark.parametrize("device", ["cpu", "openvino", "cuda", "tensorrt"])
def test_what_is_asked_for_is_taken(machine: Any, device: str) -> None:
    machine(cuda=True, cards=1, openvino=True)
    assert choose_device(device) == device


def test_openvino_that_is_missing_says_what_to_install(machine: Any) -> None:
    machine()
    with pytest.raises(MissingDependencyError, match="'openvino', which is not installed") as found:
        choose_device("openvino")
    assert found.value.hint == 'pip install "shipseg[openvino]"'


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_runtime_without_the_provider_says_what_to_install(machine: Any, device: str) -> None:
    machine(cards=1)
    with pytest.raises(MissingDependencyError, match=PROVIDERS[Device(device)][0]) as found:
        choose_device(device)
    assert "pip install 'onnxruntime-gpu" in str(found.value.hint)


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_machine_without_a_card_is_told_so(machine: Any, device: str) -> None:
    machine(cuda=True)
    with pytest.raises(UsageError, match="the driver knows of none"):
        choose_device(device)


def test_an_unknown_device_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no device 'tpu'") as found:
        choose_device("tpu")
    assert found.value.hint == "devices are: auto, cpu, openvino, cuda, tensorrt"


class Driver(SimpleNamespace):
    """NVIDIA's driver with so many cards."""

    def __init__(self, *, fault: int = 0, cards: int = 0) -> None:
        super().__init__(fault=fault, cards=cards)

    def cuInit(self, flags: int) -> int:
        assert flags == 0
        return int(self.fault)

    def cuDeviceGetCount(self, place: Any) -> int:
        place._obj.value = self.cards
        return 0


@pytest.mark.parametrize(
    ("driver", "cards"),
    [(Driver(cards=2), 2), (Driver(), 0), (Driver(fault=100, cards=2), 0), (None, 0)],
    ids=["two", "none", "no device", "no driver"],
)
def test_cards_are_counted_by_the_driver(
    monkeypatch: pytest.MonkeyPatch, driver: Driver | None, cards: int
) -> None:
    def load(name: str) -> Driver:
        if driver is None:
            raise OSError(name)
        return driver

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert count_cards() == cards
