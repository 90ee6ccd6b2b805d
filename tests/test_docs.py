"""The docs name what there is: a command, setting or error code that they lack fails."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from shipseg import errors
from shipseg.cli.main import app
from shipseg.training.config import GateConfig, RefinerConfig, SegmenterConfig

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def command_names() -> list[str]:
    group: Any = typer.main.get_command(app)
    names = []
    for name in group.list_commands(None):
        inner = getattr(group.get_command(None, name), "commands", None)
        names += [f"{name} {sub}" for sub in inner] if inner else [name]
    return names


def error_classes() -> list[type[errors.ShipsegError]]:
    found = [c for c in vars(errors).values() if isinstance(c, type)]
    return [c for c in found if issubclass(c, errors.ShipsegError)]


def test_readme_names_every_command() -> None:
    assert len(command_names()) >= 7
    missing = [name for name in command_names() if f"shipseg {name}" not in README]
    assert not missing


def test_readme_names_no_command_that_is_gone() -> None:
    named = set(re.findall(r"^shipseg (train \w+|\w+)", "\n".join(code_blocks(README)), re.M))
    assert named
    assert named <= set(command_names())


def code_blocks(text: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)


@pytest.mark.parametrize("kind", error_classes(), ids=lambda c: c.__name__)
def test_every_error_is_documented_as_it_is(kind: type[errors.ShipsegError]) -> None:
    table = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    row = f"| `{kind.code}` | {kind.__name__} | {kind.exit_code} | {kind.http_status} |"
    assert row in table


@pytest.mark.parametrize("kind", [GateConfig, SegmenterConfig, RefinerConfig])
def test_every_setting_of_the_training_is_documented(kind: type[GateConfig]) -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    missing = [name for name in kind.model_fields if f"`{name}`" not in text]
    assert not missing


def test_links_in_the_docs_lead_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert not broken
