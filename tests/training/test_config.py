"""Configurations: who wins, what is refused, and that the key is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from shipseg.errors import ConfigError
from shipseg.training.config import (
    MAY_CHANGE,
    GateConfig,
    RefinerConfig,
    SegmenterConfig,
    TrainConfig,
    load_config,
    read_config,
)

PATHS = {"images": Path("tiles"), "labels": Path("labels.csv")}
RECIPES = Path(__file__).parents[2] / "configs"


def write(path: Path, **values: object) -> Path:
    path.write_text(yaml.safe_dump(values))
    return path


def test_defaults_and_whole_paths():
    config = load_config(GateConfig, None, PATHS, [])
    assert config.images == Path.cwd() / "tiles"
    assert (config.epochs, config.input_size, config.split) == (12, 384, None)


def test_set_wins_over_options_and_they_win_over_the_file(tmp_path):
    file = write(tmp_path / "c.yaml", images="a", labels="file.csv", epochs=3, seed=1)
    config = load_config(GateConfig, file, {"labels": Path("option.csv")}, ["seed=9"])
    assert (config.epochs, config.seed) == (3, 9)
    assert (config.images.name, config.labels.name) == ("a", "option.csv")
    config = load_config(GateConfig, file, {"labels": Path("option.csv")}, ["labels=set.csv"])
    assert config.labels.name == "set.csv"


def test_options_not_given_change_nothing(tmp_path):
    file = write(tmp_path / "c.yaml", images="a", labels="b.csv")
    assert load_config(GateConfig, file, {"images": None, "split": None}, []).images.name == "a"


def test_values_are_read_as_yaml():
    config = load_config(
        SegmenterConfig,
        None,
        PATHS,
        [
            "learning_rate=1e-4",
            "decoder_channels=[64,32,16,8,4]",
            "val_tiles=null",
            "split=a=b.csv",
        ],
    )
    assert config.learning_rate == 1e-4
    assert config.decoder_channels == (64, 32, 16, 8, 4)
    assert config.split is not None
    assert config.split.name == "a=b.csv"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("learning_rat=1", "learning_rat: unknown key"),
        ("learning_rate=.nan", "learning_rate: .*finite.*nan"),
        ("learning_rate=nan", "learning_rate: .*finite.*nan"),
        ("ema_decay=.inf", "ema_decay: .*finite.*inf"),
        ("epochs=0", "epochs: .*greater than 0, found 0"),
        ("epochs=", "epochs: .*found None"),
        ("batch_size=two", "batch_size: .*found 'two'"),
        ("seed=-1", "seed: .*found -1"),
        ("seed=4294967296", "seed: .*found 4294967296"),
        ("devices=0", "devices: .*'auto'"),
        ("val_share=1", "val_share: "),
        ("tile_size=100", "tile_size: .*multiple of 32"),
        ("crop_size=800", r"crop_size is 800, expected at most the tile_size 768"),
        ("decoder_channels=[8,8]", r"decoder_channels\[2\]: is needed"),
        ("encoder=[", r"encoder: '\[' is no YAML value"),
        ("accelerator=tpu", "accelerator: .*found 'tpu'"),
        ("missing=ignore", "missing: .*found 'ignore'"),
        ("images=", "images: "),
    ],
)
def test_faults_name_their_key(setting, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(SegmenterConfig, None, PATHS, [setting])
    assert caught.value.exit_code == 2


def test_all_faults_are_told_at_once():
    with pytest.raises(ConfigError, match=r"epochs: .*; sed: unknown key") as caught:
        load_config(GateConfig, None, PATHS, ["epochs=-1", "sed=1"])
    assert "seed" in str(caught.value.hint)


def test_a_key_of_the_other_training_is_unknown():
    with pytest.raises(ConfigError, match="crop_size: unknown key"):
        load_config(GateConfig, None, PATHS, ["crop_size=64"])


def test_paths_are_needed():
    with pytest.raises(ConfigError, match="images: is needed; labels: is needed"):
        load_config(GateConfig, None, {"images": None}, [])


def test_a_setting_without_a_value():
    with pytest.raises(ConfigError, match="--set takes key=value, found 'epochs'"):
        load_config(GateConfig, None, PATHS, ["epochs"])


@pytest.mark.parametrize(
    ("text", "message"),
    [("- 1\n", "holds a list"), ("a: [\n", "is no YAML"), ("\xff", "images"), ("5", "holds a int")],
)
def test_a_file_that_is_no_configuration(tmp_path, text, message):
    file = tmp_path / "c.yaml"
    file.write_bytes(text.encode("latin-1") if text == "\xff" else text.encode())
    with pytest.raises(ConfigError, match="is no YAML" if text == "\xff" else message):
        load_config(GateConfig, file, PATHS, [])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.yaml' cannot be read: No such file"):
        load_config(GateConfig, tmp_path / "gone.yaml", PATHS, [])


def test_an_empty_file_is_the_defaults(tmp_path):
    (tmp_path / "c.yaml").touch()
    assert load_config(GateConfig, tmp_path / "c.yaml", PATHS, []).epochs == 12


@pytest.mark.parametrize(
    ("kind", "name"),
    [(GateConfig, "gate"), (SegmenterConfig, "segmenter"), (RefinerConfig, "refiner")],
)
def test_the_recipes_load_and_hold_no_paths(kind, name):
    values = yaml.safe_load((RECIPES / f"{name}.yaml").read_text())
    assert not values.keys() & {"images", "labels", "split"}
    config = load_config(kind, RECIPES / f"{name}.yaml", PATHS, [])
    assert config.patience == 0


def test_what_the_refiner_takes():
    config = load_config(RefinerConfig, None, PATHS, ["truth_shift_px=0.5"])
    assert (config.hulls_per_epoch, config.truth_shift_px) == (6000, 0.5)
    with pytest.raises(ConfigError, match=r"truth_shift_px: .*finite"):
        load_config(RefinerConfig, None, PATHS, ["truth_shift_px=.nan"])


class TestResumed:
    @pytest.fixture
    def stored(self, tmp_path) -> Path:
        config = load_config(GateConfig, None, PATHS, ["seed=5", "epochs=4", "learning_rate=0.01"])
        return write(tmp_path / "config.yaml", **config.model_dump(mode="json"))

    def test_nothing_said_anew_changes_nothing(self, stored):
        assert load_config(GateConfig, None, {}, [], resumed=stored) == read_config(stored)

    def test_what_may_change_does(self, stored):
        config = load_config(GateConfig, None, {}, ["epochs=9", "workers=2"], resumed=stored)
        assert (config.epochs, config.workers, config.seed) == (9, 2, 5)

    def test_what_would_be_ignored_or_break_is_refused(self, stored):
        message = r"cannot change learning_rate from 0\.01 to 0\.1, input_size from 384 to 256"
        with pytest.raises(ConfigError, match=message) as caught:
            load_config(
                GateConfig, None, {}, ["input_size=256", "learning_rate=0.1"], resumed=stored
            )
        assert "epochs" in str(caught.value.hint)

    def test_the_same_value_said_again_is_no_change(self, stored):
        assert load_config(GateConfig, None, {}, ["seed=5"], resumed=stored).seed == 5

    def test_a_run_of_the_other_kind(self, stored):
        with pytest.raises(ConfigError, match="is a GateConfig, expected a SegmenterConfig"):
            load_config(SegmenterConfig, None, {}, [], resumed=stored)

    def test_every_name_in_the_list_is_a_key(self):
        assert set(TrainConfig.model_fields) >= MAY_CHANGE


def test_a_stored_configuration_tells_its_kind(tmp_path):
    for kind in (GateConfig, SegmenterConfig, RefinerConfig):
        config = load_config(kind, None, PATHS, [])
        file = write(tmp_path / "c.yaml", **config.model_dump(mode="json"))
        assert read_config(file) == config
