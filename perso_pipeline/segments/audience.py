"""An audience leaves the house: people of a segment who agreed, as ids and hashes, in one file.

Add a column only if it is an id or a hash. Consent is asked of the night exported, never of a later one.
"""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from perso_pipeline.contracts.csv_files import write_csv
from perso_pipeline.contracts.errors import PersoError, nearest
from perso_pipeline.contracts.warehouse import Value, Warehouse

Consent = Literal["email", "personalization"]
CONSENTS: dict[Consent, str] = {"email": "has_email_consent", "personalization": "has_personalization_consent"}

# a person may have several accounts: one row per account, so that the tool that takes the file finds each
_AUDIENCE = """
    with members as (
        select m.site_id, m.person_id
        from segments.segment_membership as m
        inner join profiles.customer_profiles as p
            on p.night = m.night and p.site_id = m.site_id and p.person_id = m.person_id
        where m.night = $night and m.segment_id = $segment and p.{consent}
    ),

    accounts as (
        select map.person_id, records.site_id, records.customer_id,
            max_by(records.email_hash, (records.occurred_at, records.event_id))
                filter (where records.email_hash is not null) as email_hash,
            max_by(records.phone_hash, (records.occurred_at, records.event_id))
                filter (where records.phone_hash is not null) as phone_hash
        from staging.stg_profile_events as records
        inner join identity.identity_map as map on map.identifier = 'customer:' || records.customer_id
        where
            records.known_on <= $night and records.event_date <= $night
            and map.known_on <= $night and (map.void_on is null or map.void_on > $night)
        group by map.person_id, records.site_id, records.customer_id
    )

    select members.site_id, members.person_id, accounts.customer_id, accounts.email_hash, accounts.phone_hash
    from members
    left join accounts on accounts.person_id = members.person_id and accounts.site_id = members.site_id
    order by all
"""
_MEMBERS = "select count(*) as n from segments.segment_membership where night = $night and segment_id = $segment"


@dataclass(frozen=True)
class Audience:
    """What was written: rows of the file, people in it, people left out for want of consent."""

    night: date
    rows: int
    people: int
    without_consent: int


def export_audience(
    warehouse: Warehouse,
    segment_id: str,
    to: Path,
    *,
    night: date | None,
    file_format: Literal["csv", "parquet"],
    consent: Consent,
) -> Audience:
    """Write site_id, person_id, customer_id, email_hash, phone_hash of a segment's people who gave ``consent``.

    Args:
        warehouse: Has membership, profiles and account records.
        segment_id: Which segment.
        to: The file; written aside and moved there in one step.
        night: Whose membership and consent; default: the last night with a catalogue.
        file_format: CSV in which no cell becomes a formula, or Parquet.
        consent: What the people must have agreed to. Unknown is no.

    Raises:
        PersoError: no such night or segment, or ``to`` cannot be written.
    """
    chosen = _night(warehouse, night)
    names = warehouse.query("select segment_id from segments.segment_catalogue where night = ?", [chosen])[
        "segment_id"
    ].to_pylist()
    if segment_id not in names:
        hint = f"{nearest(segment_id, names)}; there are: {', '.join(names)}."
        msg = f"The night of {chosen} has no segment {segment_id!r}{hint}"
        raise PersoError(msg)
    asked: dict[str, Value] = {"night": chosen, "segment": segment_id}
    rows = warehouse.query(_AUDIENCE.format(consent=CONSENTS[consent]), asked)
    members = warehouse.query(_MEMBERS, asked)["n"][0].as_py()
    _write(rows, to, file_format)
    people = rows.group_by(["site_id", "person_id"]).aggregate([]).num_rows
    return Audience(chosen, rows.num_rows, people, members - people)


def _night(warehouse: Warehouse, night: date | None) -> date:
    if not warehouse.exists("segments.segment_catalogue"):
        msg = "There are no segments yet; run a night first with 'perso run'."
        raise PersoError(msg)
    nights = warehouse.query("select distinct night from segments.segment_catalogue order by night")[
        "night"
    ].to_pylist()
    if not nights or (night is not None and night not in nights):
        there = f"there are {nights[0]} to {nights[-1]}" if nights else "there are none"
        msg = f"The night of {night or 'yesterday'} has no segments; {there}. Run it with 'perso run --night'."
        raise PersoError(msg)
    return night or nights[-1]


def _write(rows: pa.Table, to: Path, file_format: str) -> None:
    aside = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        if file_format == "csv":
            write_csv(rows, aside)
        else:
            pq.write_table(rows, aside)
        aside.replace(to)
    except OSError as error:
        msg = f"{to} cannot be written ({error.strerror or error}); choose a folder that exists and is yours."
        raise PersoError(msg) from error
    finally:
        aside.unlink(missing_ok=True)
