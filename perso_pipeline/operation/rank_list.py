"""``perso rank``: a given list in the order of one person's interest, by the champion that serves that night.

Finds night, site, person and the stored model; the order itself is ``models.given_list``'s. Keep layout in ``shown``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rich.table import Table
from rich.text import Text

from perso_pipeline.contracts.errors import PersoError, nearest
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.models import artifacts, tables
from perso_pipeline.models.given_list import Placed, RankedList, rank
from perso_pipeline.models.inputs import rows_of, site_as_decided, site_configs
from perso_pipeline.resources.model_files import read_verified
from perso_pipeline.resources.tracking import Tracking
from perso_pipeline.settings import Settings

_PERSON = """
select m.person_id from identity.identity_map as m
where m.known_on <= $night and (m.void_on is null or m.void_on > $night)
    and (m.person_id = $who or m.identifier in ($who, 'customer:' || $who, 'visitor:' || $who))
order by m.identifier = 'customer:' || $who desc, m.identifier limit 1
"""
_SITES = """
select distinct i.site_id from interactions.interactions as i
join identity.identity_map as m
    on m.identifier = i.identifier and m.known_on <= $night and (m.void_on is null or m.void_on > $night)
where m.person_id = $person and i.known_on <= $night and not i.is_robot
order by i.site_id
"""
_NAMES = """
select item_id, arg_max(name, occurred_at) as name from staging.stg_catalog_items
where site_id = $site_id and known_on <= $night and list_contains(string_split($items, ','), item_id)
group by item_id
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A list in order, and by whom."""

    person_id: str
    site_id: str
    night: date
    model: str
    version: str
    ranked: RankedList
    names: dict[str, str]


def rank_list(
    settings: Settings, warehouse: Warehouse, store: Tracking, who: str, items: Sequence[str], site_id: str | None
) -> Answer:
    """``items`` in the order of a person's interest, as of the newest night with champions.

    Raises:
        PersoError: no night has champions; nobody, no site or no item of that name; a person of several sites.
    """
    night = _newest_night(warehouse)
    found = warehouse.query(_PERSON, {"who": who, "night": night}).column(0).to_pylist()
    if not found:
        msg = f"Nobody is known as {who!r} on {night}; give a person id, customer number or visitor id."
        raise PersoError(msg)
    champions = [row for row in rows_of(warehouse, "models.champions", night) if row["task"] == "personal"]
    own = warehouse.query(_SITES, {"person": found[0], "night": night}).column(0).to_pylist()
    site_id = _site(site_id, own, [row["site_id"] for row in champions], who, night)
    [champion] = [row for row in champions if row["site_id"] == site_id]
    site = site_as_decided(warehouse, site_id, night, site_configs(settings.config_dir)[site_id], [champion])
    data = site.matrix()
    files = read_verified(store.model_folder(champion["mlflow_run_id"]), tables.ledger_of(_ledger(warehouse, champion)))
    model = artifacts.unpacked(champion["model"], files, data, site.config, threads=settings.threads)
    ordered = rank(model, data, found[0], items)
    rows = warehouse.query(_NAMES, {"site_id": site_id, "night": night, "items": ",".join(items)}).to_pylist()
    names = {row["item_id"]: row["name"] for row in rows if row["name"]}
    return Answer(found[0], site_id, night, champion["model"], champion["version"], ordered, names)


def shown(answer: Answer) -> Table:
    """The list as a table for the terminal, with the reason for each place."""
    table = Table("rank", "item", "score", "why", box=None, header_style="bold")
    for placed in answer.ranked.placed:
        name = answer.names.get(placed.item_id)
        item = f"{placed.item_id}  {name}" if name else placed.item_id
        score = "" if placed.score is None else f"{placed.score:.4g}"
        table.add_row(str(placed.rank), Text(item), score, Text(reason(placed)))
    return table


def reason(placed: Placed, most: int = 3) -> str:
    """One line: the items of the history that speak for it, then the features that count most."""
    origins = ", ".join(f"{item} ({share:.0%})" for item, share in placed.origins[:most])
    said = placed.because or f"{placed.by}, because of {origins}"
    features = ", ".join(f"{name} {part:+.2f}" for name, part in placed.features)
    return f"{said}; {features}" if features else said


def _newest_night(warehouse: Warehouse) -> date:
    nights = (
        warehouse.query("select max(night) from models.champions").column(0).to_pylist()
        if warehouse.exists("models.champions")
        else [None]
    )
    if nights[0] is None:
        msg = "No night has chosen a model yet; run a night with 'perso run' first."
        raise PersoError(msg)
    return nights[0]


def _site(asked: str | None, own: list[str], served: list[str], who: str, night: date) -> str:
    if asked is not None and asked not in served:
        msg = f"No model serves the site {asked!r} on {night}{nearest(asked, served)}; take one of {', '.join(served)}."
        raise PersoError(msg)
    if asked is not None:
        return asked
    both = [site for site in own if site in served]
    if len(both) == 1:
        return both[0]
    if not both:
        msg = f"{who!r} met nothing on a site that a model serves on {night}; give a person who did."
    else:
        msg = f"{who!r} is known on {' and '.join(both)}; say which with --site."
    raise PersoError(msg)


def _ledger(warehouse: Warehouse, champion: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        row
        for row in rows_of(warehouse, "models.model_artifacts", champion["night"])
        if row["site_id"] == champion["site_id"] and row["model"] == champion["model"]
    ]
