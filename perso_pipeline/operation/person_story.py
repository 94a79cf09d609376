"""One person from events to recommendations, read from the working warehouse or from the published tables.

Tables come out as Arrow, ready to show (``person_view``) or to test. Keep colours and layout out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.warehouse import Value


class Reader(Protocol):
    """Answers a query over tables called ``<stage>.<name>``."""

    def query(self, sql: str, parameters: Mapping[str, Value] = ...) -> pa.Table: ...

    def exists(self, table: str) -> bool: ...


@dataclass(frozen=True)
class SiteStory:
    """What one site knows of the person on the night.

    Attributes:
        site_id: The site.
        profile: Column to value of ``profiles.customer_profiles``; what is not known is left out.
        affinities: kind, value, share, hot, cold; strongest first within a kind.
        segments: name, rule.
        recommendations: scenario_id, rank, item_id, item, strategy, model, model_version, origin_items, rules.
    """

    site_id: str
    profile: dict[str, Any]
    affinities: pa.Table
    segments: pa.Table
    recommendations: pa.Table


@dataclass(frozen=True)
class PersonStory:
    """Everything that is known of a person as of a night.

    Attributes:
        identifiers: identifier, confidence, known_on; None where the source holds no identity (published tables).
        sessions: The newest sessions, newest first; None where the source holds none.
        events: The newest events, newest first; None where the source holds none.
    """

    person_id: str
    night: date
    source: str
    identifiers: pa.Table | None
    sessions: pa.Table | None
    events: pa.Table | None
    sites: tuple[SiteStory, ...]


class PublishedReader:
    """The published file, in which tables stand without their stage."""

    def __init__(self, folder: Path) -> None:
        self._path = folder.resolve() / "perso.duckdb"
        if not self._path.exists():
            msg = f"Nothing is published in {folder.parent} yet; run a night with 'perso run' first."
            raise PersoError(msg)

    def query(self, sql: str, parameters: Mapping[str, Value] = {}) -> pa.Table:
        with duckdb.connect(str(self._path), read_only=True) as published:
            stages = ("profiles", "segments", "recommendations")
            for stage in stages:
                sql = sql.replace(f"{stage}.", "")
            return published.sql(sql, params=dict(parameters) or None).to_arrow_table()

    def exists(self, table: str) -> bool:
        name = table.split(".")[1]
        found = self.query("select 1 from information_schema.tables where table_name = $name", {"name": name})
        return table.split(".", maxsplit=1)[0] not in ("identity", "interactions") and found.num_rows > 0


def read_story(reader: Reader, who: str, *, night: date | None, source: str, newest: int = 20) -> PersonStory:
    """Find a person by person id, customer number, visitor id or identifier, and read what is known.

    Args:
        reader: Where to read.
        who: ``p0123...``, ``C1001``, ``v-abc``, or ``customer:C1001``.
        night: As of which night; None for the newest with profiles.
        source: Named in messages and in the story.
        newest: How many sessions and events at most.

    Raises:
        PersoError: no profiles yet, none for the night, or nobody of that name.
    """
    night = _night(reader, night, source)
    person_id = _person(reader, who, night)
    parameters: dict[str, Value] = {"person": person_id, "night": night}
    site_ids = reader.query(_SITES, parameters)
    if not site_ids.num_rows:
        msg = f"Nobody is called '{who}' on {night} in {source}; give a person id, customer number or visitor id."
        raise PersoError(msg)
    has_facts = reader.exists("interactions.sessions")
    limited = parameters | {"newest": newest}
    return PersonStory(
        person_id=person_id,
        night=night,
        source=source,
        identifiers=reader.query(_IDENTIFIERS, parameters) if has_facts else None,
        sessions=reader.query(_SESSIONS, limited) if has_facts else None,
        events=reader.query(_EVENTS, limited) if has_facts else None,
        sites=tuple(_site(reader, site, parameters) for site in site_ids.column(0).to_pylist()),
    )


def _night(reader: Reader, night: date | None, source: str) -> date:
    if not reader.exists("profiles.customer_profiles"):
        msg = f"There are no profiles in {source} yet; run a night with 'perso run' first."
        raise PersoError(msg)
    nights = reader.query("select distinct night from profiles.customer_profiles order by night").column(0).to_pylist()
    if not nights or (night is not None and night not in nights):
        known = f"there are profiles of {nights[0]} to {nights[-1]}" if nights else "there are none"
        msg = f"There are no profiles of {night} in {source}; {known}."
        raise PersoError(msg)
    return night or nights[-1]


def _person(reader: Reader, who: str, night: date) -> str:
    if not reader.exists("identity.identity_map"):
        return who
    found = reader.query(_WHO, {"who": who, "night": night}).column(0).to_pylist()
    return str(found[0]) if found else who


def _site(reader: Reader, site_id: str, parameters: Mapping[str, Value]) -> SiteStory:
    bound = {**parameters, "site": site_id}
    [profile] = reader.query(_PROFILE, bound).to_pylist()

    def rows(table: str, sql: str) -> pa.Table:
        return reader.query(sql, bound) if reader.exists(table) else pa.table({})

    return SiteStory(
        site_id=site_id,
        profile={name: value for name, value in profile.items() if value is not None},
        affinities=rows("profiles.affinities", _AFFINITIES),
        segments=rows("segments.segment_membership", _SEGMENTS),
        recommendations=rows("recommendations.recommendations", _RECOMMENDATIONS),
    )


_AS_OF = "m.known_on <= $night and (m.void_on is null or m.void_on > $night)"
_WHO = f"""
select m.person_id from identity.identity_map as m
where {_AS_OF} and (m.person_id = $who or m.identifier in ($who, 'customer:' || $who, 'visitor:' || $who))
order by m.identifier = 'customer:' || $who desc, m.identifier limit 1"""
_IDENTIFIERS = f"""
select m.identifier, m.confidence, m.known_on from identity.identity_map as m
where {_AS_OF} and m.person_id = $person order by m.identifier"""
_SESSIONS = f"""
select s.started_at as began_at, s.channel, s.device_type as device, s.events, s.product_views as views,
    s.cart_adds as carts, s.orders, s.session_id
from interactions.sessions as s
inner join identity.identity_map as m on m.identifier = s.identifier and {_AS_OF}
where m.person_id = $person and s.known_on <= $night and s.session_date <= $night and s.is_robot is not true
order by s.started_at desc, s.session_id limit $newest"""
_EVENTS = f"""
select e.occurred_at as at, e.event_type as event,
    coalesce(e.item_id, e.search_query, e.category_path, e.order_id) as what, e.session_id
from interactions.session_events as e
inner join identity.identity_map as m on m.identifier = e.identifier and {_AS_OF}
where m.person_id = $person and e.known_on <= $night and e.event_date <= $night and not e.is_robot
order by e.occurred_at desc, e.event_id limit $newest"""
_SITES = """
select distinct site_id from profiles.customer_profiles
where night = $night and person_id = $person order by site_id"""
_PROFILE = """
select * exclude (night, site_id, person_id) from profiles.customer_profiles
where night = $night and site_id = $site and person_id = $person"""
_AFFINITIES = """
select kind, value, share, hot_weight as hot, cold_weight as cold from profiles.affinities
where night = $night and site_id = $site and person_id = $person order by kind, place"""
_SEGMENTS = """
select c.name, c.rule from segments.segment_membership as m
inner join segments.segment_catalogue as c on c.night = m.night and c.segment_id = m.segment_id
where m.night = $night and m.site_id = $site and m.person_id = $person order by c.position"""
_RECOMMENDATIONS = """
select r.scenario_id, r.rank, r.item_id, i.name as item, r.strategy, r.model, r.model_version, t.origin_items, t.rules
from recommendations.recommendations as r
left join recommendations.recommendation_trace as t
    on t.night = r.night and t.site_id = r.site_id and t.scenario_id = r.scenario_id and t.subject_type = r.subject_type
    and t.subject_id = r.subject_id and t.rank = r.rank
left join profiles.item_profiles as i on i.night = r.night and i.site_id = r.site_id and i.item_id = r.item_id
where r.night = $night and r.site_id = $site and r.subject_type = 'person' and r.subject_id = $person
order by r.scenario_id, r.rank"""
