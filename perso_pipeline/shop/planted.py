"""Two combinations of attributes whose people buy twice as often: what the search for segments has to find.

Plants them, writes them beside the other truth, and holds ``segments.discovered_segments`` against it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.shop.accounts import loyalty_tiers
from perso_pipeline.shop.arrays import Bools
from perso_pipeline.shop.people import People
from perso_pipeline.shop.words import BROWSERS

MULTIPLIER = 2.0
FILE = "planted_segments.json"


@dataclass(frozen=True)
class Planted:
    """Members of a device and an answer, as ``profiles.customer_profiles`` will show them."""

    name: str
    conditions: dict[str, str | bool]


PLANTED = (
    Planted("mobile subscribers", {"main_device": "mobile", "has_email_consent": True}),
    Planted("basic members on a desktop", {"main_device": "desktop", "loyalty_tier": "basic"}),
)


def plant(people: People, folder: Path) -> None:
    """Double the chance to buy of the people planted, and say so in ``folder``; draws nothing."""
    rows: list[dict[str, object]] = []
    for planted in PLANTED:
        chosen = _who(people, planted)
        people.buying[chosen] *= MULTIPLIER
        rows.append(
            {
                "name": planted.name,
                "conditions": planted.conditions,
                "multiplier": MULTIPLIER,
                "people": int(chosen.sum()),
            }
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def found_rows(warehouse: Warehouse, conditions: dict[str, str | bool]) -> list[dict[str, object]]:
    """Confirmed discoveries of the last night whose rule is these conditions on one site, with the site."""
    rows = warehouse.query("""
        select site_id, rule, people, confirmed_value, confirmed_average
        from segments.discovered_segments
        where
            metric = 'conversion' and direction = 'above' and is_confirmed
            and night = (select max(night) from segments.discovery_runs)
        order by site_id
    """).to_pylist()
    return [row for row in rows if _conditions(row["rule"]) == conditions | {"site_id": row["site_id"]}]


def people_looked_at(warehouse: Warehouse, conditions: dict[str, str | bool]) -> int:
    """People of the last night's search whose profile shows the conditions, on the site that has most of them."""
    where = " and ".join(f'"{name}" = ?' for name in conditions)
    rows = warehouse.query(
        f"""
        select count(*) as people from profiles.customer_profiles
        where night = (select max(night) from segments.discovery_runs) and last_seen_date > night - 28 and {where}
        group by site_id order by people desc limit 1
        """,
        list(conditions.values()),
    ).to_pylist()
    return int(rows[0]["people"]) if rows else 0


def _conditions(rule: str) -> dict[str, object]:
    return {part["attribute"]: part.get("value") for part in json.loads(rule)["all"]}


def _who(people: People, planted: Planted) -> Bools:
    kinds = np.array([kind for _, kind in BROWSERS])
    main_device = kinds[people.device_browser[people.device[:, 0]]]
    shown = {
        "main_device": main_device,
        "has_email_consent": people.has_email_consent,
        "loyalty_tier": np.array(["basic", "silver", "gold"])[loyalty_tiers(people)],
    }
    chosen = people.is_member.copy()
    for name, value in planted.conditions.items():
        chosen &= shown[name] == value
    return chosen
