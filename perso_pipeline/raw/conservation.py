"""Whether nothing was lost: accepted + rejected + erased = delivered, for every file of some nights.

``delivered`` was counted from bytes and footers while reading; accepted and rejected ones are counted
here from the tables, not taken from the books. Erased ones are in no table: only the books know their number.
"""

from dataclasses import dataclass
from datetime import date

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.streams import STREAMS
from perso_pipeline.contracts.warehouse import Warehouse


@dataclass(frozen=True)
class Imbalance:
    """A file of which the records do not add up, or rows of a file that is not in the books (delivered 0)."""

    load_date: date
    file: str
    delivered: int
    accepted: int
    rejected: int
    erased: int

    def __str__(self) -> str:
        erased = f", {self.erased:,} erased" if self.erased else ""
        return (
            f"{self.file}: {self.delivered:,} delivered, but {self.accepted:,} accepted and {self.rejected:,} rejected"
            f"{erased}"
        )


MOST_REJECTED_SHARE = 0.2
FEWEST_REJECTED = 20  # a handful of bad records in a small delivery stops no night


@dataclass(frozen=True)
class RefusedNight:
    """A night of which so much was rejected that the rest cannot stand for it."""

    load_date: date
    delivered: int
    rejected: int
    reason: str

    def __str__(self) -> str:
        share = self.rejected / self.delivered
        return (
            f"{self.rejected:,} of {self.delivered:,} records of {self.load_date} were rejected ({share:.0%}), "
            f"most often because {self.reason}"
        )


@dataclass(frozen=True)
class Conservation:
    """The comparison for one stream."""

    files: int
    records: int
    imbalances: tuple[Imbalance, ...]


def conservation(warehouse: Warehouse, stream: str, *, first: date, last: date) -> Conservation:
    """Compare the books of the nights ``first`` to ``last`` (included) with the rows that stand in the tables."""
    if stream not in STREAMS:
        msg = f"There is no stream '{stream}'; the streams are {', '.join(STREAMS)}."
        raise PersoError(msg)
    rows = warehouse.query(
        f"""
        with counted as (
            select load_date, file, 0 as files, 0 as delivered, count(*) as accepted, 0 as rejected,
                0 as erased
            from raw.{stream} where load_date between $first and $last group by load_date, file
            union all
            select load_date, file, 0, 0, 0, count(*), 0
            from raw.rejected_records where stream = $stream and load_date between $first and $last
            group by load_date, file
            union all
            select load_date, file, 1, delivered, 0, 0, coalesce(erased, 0)
            from raw.delivered_files where stream = $stream and load_date between $first and $last
        )
        select load_date, file, sum(files)::bigint as files, sum(delivered)::bigint as delivered,
            sum(accepted)::bigint as accepted, sum(rejected)::bigint as rejected,
            sum(erased)::bigint as erased
        from counted group by load_date, file order by load_date, file""",
        {"stream": stream, "first": first, "last": last},
    ).to_pylist()
    wrong = tuple(
        Imbalance(r["load_date"], r["file"], r["delivered"], r["accepted"], r["rejected"], r["erased"])
        for r in rows
        if r["files"] != 1 or r["accepted"] + r["rejected"] + r["erased"] != r["delivered"]
    )
    return Conservation(sum(r["files"] for r in rows), sum(r["delivered"] for r in rows), wrong)


def unknown_fields(warehouse: Warehouse, stream: str, *, first: date, last: date) -> dict[str, int]:
    """Fields outside the contract with the accepted records that carry them, commonest first."""
    rows = warehouse.query(
        "select field, sum(records)::bigint as records from raw.schema_drift"
        " where stream = $stream and load_date between $first and $last group by field order by records desc, field",
        {"stream": stream, "first": first, "last": last},
    ).to_pylist()
    return {r["field"]: r["records"] for r in rows}


def refused_nights(warehouse: Warehouse, stream: str, *, first: date, last: date) -> list[RefusedNight]:
    """Nights with more than ``MOST_REJECTED_SHARE`` (and at least ``FEWEST_REJECTED``) of their records rejected."""
    rows = warehouse.query(
        """
        with nights as (
            select load_date, sum(delivered)::bigint as delivered, sum(rejected)::bigint as rejected
            from raw.delivered_files
            where stream = $stream and load_date between $first and $last
            group by load_date
            having sum(rejected) > $share * sum(delivered) and sum(rejected) >= $fewest
        )
        select nights.load_date, delivered, rejected, mode(reason order by reason) as reason
        from nights
        inner join raw.rejected_records as r on r.load_date = nights.load_date and r.stream = $stream
        group by nights.load_date, delivered, rejected
        order by nights.load_date""",
        {"stream": stream, "first": first, "last": last, "share": MOST_REJECTED_SHARE, "fewest": FEWEST_REJECTED},
    )
    return [RefusedNight(**row) for row in rows.to_pylist()]
