"""What clusters are made of, and how they are called: by what sets them apart from everyone.

Add a feature here with the words for much and for little of it. Keep the clustering out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse

_CLIP = 3.0  # standard deviations: one wholesaler must not be a cluster
_TELLING = 0.5  # standard deviations from the mean of all from which on a trait is worth a word
_WORDS = 3


@dataclass(frozen=True)
class Feature:
    """A number per person.

    Attributes:
        name: Column of ``segments.cluster_traits``.
        sql: How it is read off a profile; ``$night`` is the night.
        high: Word for a cluster with much of it.
        low: Word for a cluster with little of it.
        is_skewed: Whether the logarithm is compared.
    """

    name: str
    sql: str
    high: str
    low: str
    is_skewed: bool = True


FEATURES = (
    Feature("orders", "orders", "frequent buyers", "rarely buying"),
    Feature("average_order_value", "greatest(average_order_value, 0)", "high cart value", "low cart value"),
    Feature("active_days", "active_days", "often here", "seldom here"),
    Feature("product_views", "product_views", "much browsing", "little browsing"),
    Feature("days_away", "date_diff('day', last_seen_date, $night)", "long away", "here lately"),
    Feature("return_rate", "return_rate", "many returns", "few returns", is_skewed=False),
    Feature("is_mobile", "(main_device = 'mobile')::int", "mostly mobile", "rarely mobile", is_skewed=False),
)


@dataclass(frozen=True)
class Features:
    """People of a night and their features.

    Attributes:
        people: site_id, person_id, sorted.
        raw: People x ``FEATURES``; NaN where unknown.
        scaled: The same, standardised within the site; 0, the mean, where unknown.
    """

    people: pa.Table
    raw: np.ndarray
    scaled: np.ndarray


def read_features(warehouse: Warehouse, night: date) -> Features:
    """The features of everyone on a night; money is compared within a site, so that currencies do not mix."""
    columns = ", ".join(f"({feature.sql})::double as {feature.name}" for feature in FEATURES)
    rows = warehouse.query(
        f"select site_id, person_id, {columns} from profiles.customer_profiles where night = $night "
        "order by site_id, person_id",
        {"night": night},
    )
    raw = (
        np.column_stack([rows[f.name].to_numpy() for f in FEATURES]) if rows.num_rows else np.empty((0, len(FEATURES)))
    )
    sites = rows["site_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    return Features(rows.select(["site_id", "person_id"]), raw, scale(raw, sites))


def scale(raw: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """Standardise each feature within each site, clipped; what is unknown or the same for all is 0."""
    logged = np.where([f.is_skewed for f in FEATURES], np.log1p(np.maximum(raw, 0)), raw)
    scaled = np.zeros_like(logged)
    for site in np.unique(sites):
        mine = sites == site
        values = logged[mine]
        known = ~np.isnan(values)
        number = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0).sum(axis=0) / number
        spread = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(axis=0) / number)
        deviation = np.where(known, values - mean, 0) / np.where(spread > 0, spread, 1)
        scaled[mine] = np.clip(deviation, -_CLIP, _CLIP)
    return scaled


def effects(scaled: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Clusters x features: mean of the cluster less mean of all, in standard deviations."""
    means = np.stack([scaled[labels == label].mean(axis=0) for label in range(count)])
    return means - scaled.mean(axis=0)


def names(found: np.ndarray) -> list[str]:
    """A different name per row of ``found`` (clusters x features, effects): its strongest traits, strongest first."""
    chosen: list[str] = []
    for row in found:
        order = np.argsort(-np.abs(row), kind="stable")
        telling = [index for index in order if abs(row[index]) >= _TELLING]
        words = [_word(index, row) for index in telling[:_WORDS]] or ["like most"]
        spare = [_word(index, row) for index in order if _word(index, row) not in words]
        while ", ".join(words) in chosen and spare:
            words.append(spare.pop(0))
        chosen.append(", ".join(words))
    return chosen


def _word(index: int, row: Sequence[float] | np.ndarray) -> str:
    return FEATURES[index].high if row[index] > 0 else FEATURES[index].low
