"""Discoveries of a night as tables: who is looked at, rules that a config could hold, what was found.

Statistics are in ``discovery.py``.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.segments.combinations import Cell
from perso_pipeline.segments.discovery import METRICS, Difference, Discovery, Population, discover
from perso_pipeline.segments.options import DiscoveryOptions
from perso_pipeline.segments.rules import Rule
from perso_pipeline.segments.words import rule_text

DISCOVERED = pa.schema([
    ("night", pa.date32()), ("site_id", pa.string()), ("discovery_id", pa.string()), ("metric", pa.string()),
    ("direction", pa.string()), ("rule", pa.string()), ("rule_words", pa.string()), ("people", pa.int64()),
    ("found_value", pa.float64()), ("found_average", pa.float64()), ("found_p", pa.float64()),
    ("found_q", pa.float64()),
    ("confirmed_value", pa.float64()), ("confirmed_average", pa.float64()), ("confirmed_p", pa.float64()),
    ("confirmed_q", pa.float64()), ("is_confirmed", pa.bool_()), ("explained_by", pa.string()),
])  # fmt: skip
RUNS = pa.schema([
    ("night", pa.date32()), ("site_id", pa.string()), ("metric", pa.string()), ("people", pa.int64()),
    ("combinations", pa.int64()), ("found", pa.int64()), ("confirmed", pa.int64()), ("false_share", pa.float64()),
])  # fmt: skip

# one bit of a hash that nothing else uses: the halves are not the arms of the holdout
_PEOPLE = """
    select
        site_id,
        {attributes},
        (last_order_date > $night - to_days($window))::double as converted,
        average_order_value::double as average_cart,
        ('0x' || substr(md5('discovery:' || person_id), 1, 1))::int >= 8 as is_confirming
    from profiles.customer_profiles
    where night = $night and last_seen_date > $night - to_days($window)
    qualify row_number() over (partition by site_id order by md5('drawn:' || person_id), person_id) <= $most
    order by site_id, person_id
"""


@dataclass(frozen=True)
class DiscoveryTables:
    """Tables of one night.

    Attributes:
        discovered: ``DISCOVERED``, one row per discovery, confirmed ones first; the values of the confirming half
            are the honest ones, those of the finding half were chosen for being far away.
        runs: ``RUNS``, one row per site and metric.
    """

    discovered: pa.Table
    runs: pa.Table


def discover_segments(warehouse: Warehouse, options: DiscoveryOptions, night: date) -> DiscoveryTables:
    """Look for segments among those seen within the window."""
    columns = ", ".join(f'"{name}"' for name in options.attributes)  # names of the contract, checked when read
    rows = warehouse.query(
        _PEOPLE.format(attributes=columns), {"night": night, "window": options.window_days, "most": options.most_people}
    )
    populations: dict[str, Population] = {}
    values: dict[str, list[list[Any]]] = {}
    sites = np.array(rows["site_id"].to_pylist(), dtype=object)
    for site in sorted(set(sites)):
        mine = rows.filter(pa.array(sites == site))
        coded = [_codes(mine[name], most=options.most_values) for name in options.attributes]
        values[site] = [names for _, names in coded]
        populations[site] = Population(
            np.column_stack([codes for codes, _ in coded]),
            np.nan_to_num(mine["converted"].to_numpy()),
            mine["average_cart"].to_numpy(),
            mine["is_confirming"].to_numpy(),
        )
    found, tested = discover(populations, least_people=options.least_people, false_share=options.false_share)
    return DiscoveryTables(
        pa.Table.from_pylist([_row(d, values[d.site_id], options, night) for d in found], schema=DISCOVERED),
        pa.Table.from_pylist(
            [
                {
                    "night": night, "site_id": site, "metric": metric, "people": len(people.converted),
                    "combinations": tested[site, metric], "false_share": options.false_share,
                    "found": sum(d.site_id == site and d.metric == metric for d in found),
                    "confirmed": sum(d.site_id == site and d.metric == metric and d.is_confirmed for d in found),
                }
                for site, people in populations.items() for metric in METRICS
            ],
            schema=RUNS,
        ),
    )  # fmt: skip


def _codes(column: pa.ChunkedArray, *, most: int) -> tuple[np.ndarray, list[Any]]:
    """Number of each row's value, the most frequent first, -1 beyond the ``most`` most frequent; and the values."""
    counted = column.value_counts().to_pylist()
    counted.sort(key=lambda row: (-row["counts"], str(row["values"])))
    names = [row["values"] for row in counted[:most]]
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    places = np.array([names.index(v) if v in names else -1 for v in encoded.dictionary.to_pylist()], dtype=np.int64)
    return places[encoded.indices.to_numpy()] if len(column) else np.empty(0, dtype=np.int64), names


def _row(discovery: Discovery, values: list[list[Any]], options: DiscoveryOptions, night: date) -> dict[str, Any]:
    rule = _rule(discovery.site_id, discovery.cell, values, options)
    by = discovery.explained_by
    found, other = discovery.found, discovery.confirming
    return {
        "night": night, "site_id": discovery.site_id,
        "discovery_id": _id(discovery.metric, rule), "metric": discovery.metric,
        "direction": "above" if discovery.is_above else "below",
        "rule": json.dumps(rule), "rule_words": rule_text(Rule.model_validate(rule)),
        "people": found.people + other.people,
        **_half("found", found), **_half("confirmed", other), "is_confirmed": discovery.is_confirmed,
        "explained_by": _id(discovery.metric, _rule(discovery.site_id, by, values, options)) if by else None,
    }  # fmt: skip


def _half(prefix: str, half: Difference) -> dict[str, float]:
    return {
        f"{prefix}_value": half.value, f"{prefix}_average": half.average, f"{prefix}_p": half.p_value,
        f"{prefix}_q": half.q_value,
    }  # fmt: skip


def _rule(site: str, cell: Cell, values: list[list[Any]], options: DiscoveryOptions) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = [{"attribute": "site_id", "op": "is", "value": site}]
    for attribute, number in zip(cell.attributes, cell.values, strict=True):
        name, value = options.attributes[attribute], values[attribute][number]
        known = {"attribute": name, "op": "is", "value": value}
        conditions.append({"attribute": name, "op": "is_unknown"} if value is None else known)
    return {"all": conditions}


def _id(metric: str, rule: dict[str, Any]) -> str:
    """The same finding bears the same id on every night."""
    return "d" + hashlib.sha256(json.dumps([metric, rule], sort_keys=True).encode()).hexdigest()[:10]
