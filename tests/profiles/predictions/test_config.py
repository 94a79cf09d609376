"""The config file, its schema for editors, and the columns promised to later stages."""

from pathlib import Path

import pytest

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.profiles.contract import CUSTOMER_PROFILE_KEY, PREDICTION_ATTRIBUTES, Kind
from perso_pipeline.profiles.predictions.config import PredictionsConfig
from perso_pipeline.profiles.predictions.tables import PREDICTIONS
from perso_pipeline.settings import PROJECT_ROOT


def test_a_slip_is_named_with_file_line_and_the_word_that_was_meant(tmp_path: Path):
    text = (PROJECT_ROOT / "config" / "predictions.yml").read_text(encoding="utf-8")
    (tmp_path / "predictions.yml").write_text(text.replace("holdout_days: 14", "holdout_day: 14"), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"predictions.yml line \d+: value.holdout_day: .*did you mean 'holdout_days'"
    ):
        read_config(tmp_path / "predictions.yml", PredictionsConfig)


def test_bands_and_the_rhythm_of_training_do_not_make_another_model(predictions_config):
    bands = predictions_config.bands.model_copy(update={"high_above": 3.0})
    assert predictions_config.model_copy(update={"bands": bands}).digest == predictions_config.digest
    churn = predictions_config.churn.model_copy(update={"horizon_days": 30})
    assert predictions_config.model_copy(update={"churn": churn}).digest != predictions_config.digest


def test_later_stages_are_promised_the_columns_of_the_table():
    assert [*CUSTOMER_PROFILE_KEY, *PREDICTION_ATTRIBUTES] == PREDICTIONS.names
    texts = {name for name, kind in PREDICTION_ATTRIBUTES.items() if kind is Kind.TEXT}
    assert texts == {field.name for field in PREDICTIONS if str(field.type) == "string"} - set(CUSTOMER_PROFILE_KEY)
