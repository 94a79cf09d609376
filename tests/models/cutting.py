"""A site's data put down by hand, cut by submodels, and what stands in the parts."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter

from perso_pipeline.models.candidates import as_table
from perso_pipeline.models.config import ModelsConfig
from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.site_night import SiteNight
from perso_pipeline.models.submodel_lists import SiteLists, further_lists, read_groups
from perso_pipeline.models.submodel_parts import Cut
from perso_pipeline.models.submodels import cuts
from perso_pipeline.models.submodels_config import Submodel

NIGHT = date(2026, 1, 31)
SUBMODEL: TypeAdapter[Any] = TypeAdapter(Submodel)


def site_with(shop, config: ModelsConfig, *submodels: dict[str, Any], night: date = NIGHT) -> SiteNight:
    made = tuple(SUBMODEL.validate_python({"min_people": 1, **submodel}) for submodel in submodels)
    return SiteNight.read(shop.write(), "shop-uk", night, config.model_copy(update={"submodels": made}))


def cut_of(shop, site: SiteNight) -> Cut:
    (cut,) = cuts(site.config, site.matrix(), site.signals, read_groups(shop.warehouse, site))
    return cut


def further(shop, site: SiteNight) -> SiteLists:
    return further_lists(site, site.matrix(), read_groups(shop.warehouse, site), threads=1)


def offer(shop, item: str, **fields: Any) -> None:
    day = fields.pop("day", NIGHT - timedelta(days=60))
    moment = {"occurred_at": datetime.combine(day, time(12)), "event_date": day, "known_on": day, "site_id": "shop-uk"}
    shop.offers.append(
        {"item_id": item, "event_id": f"o{len(shop.offers)}", "event_type": "item_updated", **moment, **fields}
    )


def segments(shop, *rows: tuple[str, str]) -> None:
    table = pa.table(
        {
            "night": pa.array([NIGHT] * len(rows), pa.date32()),
            "site_id": ["shop-uk"] * len(rows),
            "person_id": [person for person, _ in rows],
            "segment_id": [segment for _, segment in rows],
        }
    )
    shop.warehouse.write_partition("segments.segment_membership", table, {"night": NIGHT})


def pairs(data: InteractionMatrix) -> set[tuple[str, str]]:
    rows, columns = data.weights.nonzero()
    return {(str(data.people[r]), str(data.items[c])) for r, c in zip(rows, columns, strict=True)}


def members(cut: Cut, kind: str) -> dict[str, str]:
    return {
        i: g
        for m in cut.members
        if m.member_type == kind
        for i, g in zip(m.ids.tolist(), m.groups.tolist(), strict=True)
    }


def parts(cut: Cut) -> dict[str, Any]:
    return {part.group: part for part in cut.parts}


def lists_of(shop, site: SiteNight) -> list[dict[str, Any]]:
    return as_table(further(shop, site).candidates).to_pylist()
