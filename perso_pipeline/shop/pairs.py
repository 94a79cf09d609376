"""How well a grouping of identifiers finds the people behind them, pair by pair, against the truth.

For ``verify`` and for benchmarks that compare ways to find out who is who.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

FILES = ("accounts.parquet", "devices.parquet")


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Counts of pairs of visitors and customers, of those that the grouping knows."""

    together: int  # put together
    right: int  # of these: one person has both
    right_by_owner: int  # of these: both are of the same person where a shared device is its main user's only
    shown: int  # of one person, and both show it: by a sign-in, an order, a newsletter click, or being an account
    shown_found: int  # of these: put together
    shown_by_anybody: int  # the same, where a shared device is of everybody who showed themselves on it
    shown_by_anybody_found: int
    true: int  # of one person, shown or not
    true_found: int


def count_pairs(people: pa.Table, truth_dir: Path) -> Pairs:
    """Compare a grouping with the truth.

    Args:
        people: columns ``identifier`` (``customer:...``, ``visitor:...``; others are left out) and ``person_id``.
        truth_dir: folder of the simulated shop's truth.
    """
    with duckdb.connect() as connection:
        connection.register("guessed", people)
        for name in FILES:
            connection.register(Path(name).stem, pq.read_table(truth_dir / name))
        connection.execute(_COUNTED)
        row = connection.execute(_COUNTS).fetchall()[0]
    return Pairs(**dict(zip(Pairs.__dataclass_fields__, map(int, row), strict=True)))


_COUNTED = """
    create temp table owned as
    select 'visitor:' || visitor_id as identifier, person_key, acts, sessions from devices
    union all
    select 'customer:' || customer_id, person_key, 1, 1 from accounts;

    create temp table holds as
    select owned.*, guessed.person_id,
        row_number() over (partition by identifier order by acts desc, sessions desc, person_key) = 1 as is_owner
    from owned
    join guessed using (identifier);

    -- an identifier may be of two people (a shared device): a pair is true if any person has both
    create temp table true_pairs as
    select a.identifier as one, b.identifier as other, a.person_id = b.person_id as is_found,
        bool_or(a.acts > 0 and b.acts > 0) as is_shown, bool_or(a.is_owner and b.is_owner) as is_owned,
        bool_or(a.acts > 0 and b.acts > 0 and a.is_owner and b.is_owner) as is_shown_by_owner
    from holds as a
    join holds as b on a.person_key = b.person_key and a.identifier < b.identifier
    group by all;

    create temp table guessed_pairs as
    with known as (select distinct identifier, person_id from holds)
    select t.one is not null as is_true, coalesce(t.is_owned, false) as is_owned
    from known as a
    join known as b on a.person_id = b.person_id and a.identifier < b.identifier
    left join true_pairs as t on t.one = a.identifier and t.other = b.identifier;
"""
_COUNTS = """
    select
        (select count(*) from guessed_pairs), (select count(*) from guessed_pairs where is_true),
        (select count(*) from guessed_pairs where is_owned),
        count(*) filter (is_shown_by_owner), count(*) filter (is_shown_by_owner and is_found),
        count(*) filter (is_shown), count(*) filter (is_shown and is_found),
        count(*), count(*) filter (is_found)
    from true_pairs"""
