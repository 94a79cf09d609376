"""The night's scores: everybody a site knows, by the models that serve. Keep training and MLflow out."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.profiles.predictions.config import PredictionsConfig
from perso_pipeline.profiles.predictions.features import FEATURE_NAMES, read_features
from perso_pipeline.profiles.predictions.likelihood import LikelihoodModel
from perso_pipeline.profiles.predictions.purchases import read_purchases
from perso_pipeline.profiles.predictions.tables import Scores, likelihood_bands, money, prediction_rows, value_bands
from perso_pipeline.profiles.predictions.training import ModelName, scored_people
from perso_pipeline.profiles.predictions.value_model import ValueModel

Card = Mapping[str, Any]

_LIKELIHOODS: tuple[ModelName, ...] = ("conversion", "churn")

_PEOPLE = """
select person_id from profiles.customer_profiles where night = $night and site_id = $site_id order by person_id
"""


def score_site(
    warehouse: Warehouse,
    site_id: str,
    night: date,
    *,
    cards: Mapping[ModelName, tuple[str, Card]],
    config: PredictionsConfig,
) -> pa.Table:
    """Rows of ``profiles.predictions`` for one site and night, sorted by person.

    Args:
        warehouse: Facts, the identity map and the night's profiles.
        site_id: Site.
        night: Night as of which everything is true.
        cards: Version and card of each model that serves; a model that is missing leaves its columns null.
        config: Who is scored, and bands.
    """
    people = warehouse.query(_PEOPLE, {"night": night, "site_id": site_id}).column("person_id").combine_chunks()
    scores = []
    if "value" in cards:
        scores.append(_value(warehouse, site_id, night, *cards["value"], config))
    likelihoods = [model for model in _LIKELIHOODS if model in cards]
    if likelihoods:
        frame = read_features(warehouse, site_id, night, window_days=config.likelihood.window_days)
        for model in likelihoods:
            version, card = cards[model]
            fitted = LikelihoodModel.of_card(card)
            assert fitted.features == FEATURE_NAMES, "a model of other features serves"
            of = scored_people(frame, model, config)
            probability = fitted.probability(frame.values[of])
            columns = {
                "conversion_7d" if model == "conversion" else "churn_likelihood": pa.array(probability),
                f"{model}_band": likelihood_bands(probability, fitted.base_rate, config.bands),
                f"{model}_version": pa.repeat(version, len(probability)),
            }
            if model == "churn":
                columns["churn_horizon_days"] = pa.repeat(card["horizon_days"], len(probability))
            scores.append(Scores(frame.people.filter(pa.array(of)), columns))
    return prediction_rows(night, site_id, people, scores)


def _value(
    warehouse: Warehouse, site_id: str, night: date, version: str, card: Card, config: PredictionsConfig
) -> Scores:
    model, buyers = ValueModel.of_card(card), read_purchases(warehouse, site_id, night)
    each = model.expected_order_value(buyers)
    orders = {days: model.expected_orders(buyers, days) for days in (90, 365)}
    return Scores(
        buyers.people,
        {
            "probability_alive": pa.array(np.clip(model.probability_alive(buyers), 0.0, 1.0)),
            "expected_orders_90d": pa.array(orders[90]),
            "expected_order_value": money(each),
            "predicted_value_90d": money(orders[90] * each),
            "predicted_value_365d": money(orders[365] * each),
            "value_band": value_bands(orders[365] * each, config.bands),
            "value_version": pa.repeat(version, len(buyers)),
        },
    )
