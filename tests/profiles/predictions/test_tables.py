"""Rows of people with and without an estimate, bands, amounts."""

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa

from perso_pipeline.profiles.predictions.tables import (
    PREDICTIONS,
    Scores,
    likelihood_bands,
    money,
    prediction_rows,
    value_bands,
)

NIGHT = date(2026, 6, 10)


def test_everybody_has_a_row_and_an_estimate_only_where_there_is_one():
    buyers = Scores(pa.array(["c", "a", "not in the profiles"]), {"probability_alive": pa.array([0.3, 0.9, 0.1])})
    rows = prediction_rows(NIGHT, "shop-uk", pa.array(["a", "b", "c"]), [buyers])
    assert rows.schema == PREDICTIONS
    assert rows.column("person_id").to_pylist() == ["a", "b", "c"]
    assert rows.column("probability_alive").to_pylist() == [0.9, None, 0.3]
    assert rows.column("conversion_7d").null_count == 3


def test_a_site_without_people_or_models_has_no_rows_or_only_nulls():
    assert prediction_rows(NIGHT, "shop-uk", pa.array([], pa.string()), []).num_rows == 0
    assert prediction_rows(NIGHT, "shop-uk", pa.array(["a"]), []).column("value_band").to_pylist() == [None]


def test_bands_of_likelihood_compare_odds(predictions_config):
    # base rate .2, odds 1:4; low below 1:8 (p < .111), high from 1:2 on (p >= .333)
    bands = likelihood_bands(np.array([0.11, 0.112, 0.33, 0.334, 1.0]), 0.2, predictions_config.bands)
    assert bands.to_pylist() == ["low", "middle", "middle", "high", "high"]


def test_bands_of_value_compare_with_the_average(predictions_config):
    assert value_bands(np.array([4.0, 10.0, 16.0, 50.0]), predictions_config.bands).to_pylist() == [
        "low", "middle", "middle", "high",
    ]  # fmt: skip
    assert value_bands(np.zeros(2), predictions_config.bands).to_pylist() == [None, None]


def test_amounts_are_exact_to_the_ten_thousandth():
    assert money(np.array([0.1 + 0.2, 1e9 / 3])).to_pylist() == [Decimal("0.3000"), Decimal("333333333.3333")]
