"""The warehouse against the truth of the simulated shop: deliveries, identity, lift, planted segments.

The only module that reads truth files. It claims nothing that it could not compare: of what is not estimable it
says that it cannot tell. What it reads of the warehouse are published table contracts.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.shop.pairs import FILES, count_pairs
from perso_pipeline.shop.planted import FILE, found_rows, people_looked_at

LEAST_PRECISION = 0.99  # forwarded newsletters and telephones of families cost a few pairs
LEAST_SHOWN_RECALL = 0.97  # records that are broken or not yet delivered, and crowded devices, cost the rest
LEAST_SEEN = 600  # people of a planted combination on one site; with fewer, chance may hide it
_DELETED = "deleted_accounts.parquet"
_FILES = (*FILES, "deliveries.parquet", _DELETED, "lift.json")
_NEEDED = ("raw.delivered_files", "identity.identity_map", "measurement.lift")


@dataclass(frozen=True)
class Comparison:
    """One thing that is known, and what the pipeline made of it."""

    name: str
    expected: str
    got: str
    verdict: Literal["holds", "does not hold", "cannot tell"]

    @property
    def holds(self) -> bool:
        return self.verdict != "does not hold"


def verify(warehouse: Warehouse, truth_dir: Path) -> list[Comparison]:
    """Compare deliveries, identity and lift of the last night with the truth.

    Raises:
        PersoError: truth files or tables are missing.
    """
    for name in _FILES:
        if not (truth_dir / name).is_file():
            msg = f"{truth_dir / name} is missing; make the shop again with 'perso simulate'."
            raise PersoError(msg)
    for table in _NEEDED:
        if not warehouse.exists(table):
            msg = f"The warehouse has no {table}; run its nights first with 'perso run'."
            raise PersoError(msg)
    planted = json.loads((truth_dir / "lift.json").read_text(encoding="utf-8"))
    return [
        *_deliveries(warehouse, truth_dir),
        _deleted(warehouse, truth_dir),
        *_identity(warehouse, truth_dir),
        *_lifts(warehouse, planted),
        *_self_tests(warehouse),
        *_segments(warehouse, truth_dir),
    ]


def _deliveries(warehouse: Warehouse, truth_dir: Path) -> list[Comparison]:
    """Per stream: records delivered, rejected, and left once each, over the days that both know."""
    loaded = warehouse.query("""
        select load_date, stream, sum(delivered)::bigint as delivered, sum(rejected)::bigint as rejected,
            coalesce(sum(erased), 0)::bigint as erased
        from raw.delivered_files group by all
    """)
    with duckdb.connect() as connection:
        connection.register("loaded", loaded)
        rows = connection.execute(
            """
            select
                t.stream,
                sum(t.delivered)::bigint, sum(l.delivered)::bigint,
                sum(t.broken)::bigint, sum(l.rejected)::bigint,
                sum(t.delivered - t.broken - t.duplicated)::bigint, count(*) - count(l.stream),
                coalesce(sum(l.erased), 0)::bigint
            from read_parquet(?) as t
            left join loaded as l on l.stream = t.stream and l.load_date = t.load_date
            group by t.stream order by t.stream
            """,
            [str(truth_dir / "deliveries.parquet")],
        ).fetchall()
        first, last = connection.execute(
            "select min(load_date), max(load_date) from read_parquet(?)", [str(truth_dir / "deliveries.parquet")]
        ).fetchall()[0]
    found: list[Comparison] = []
    for stream, delivered, got_delivered, broken, got_rejected, distinct, missing_days, erased in rows:
        note = f" ({missing_days} days not loaded)" if missing_days else ""
        found.append(_same(f"{stream}: records delivered", delivered, got_delivered, note))
        found.append(_same(f"{stream}: records rejected", broken, got_rejected, note, erased=erased))
        if warehouse.exists(f"staging.stg_{stream}"):
            kept = warehouse.query(
                f"select count(*) as n from staging.stg_{stream} where known_on between ? and ?", [first, last]
            )
            found.append(
                _same(f"{stream}: different sound records", distinct, kept["n"][0].as_py(), note, erased=erased)
            )
    return found


def _deleted(warehouse: Warehouse, truth_dir: Path) -> Comparison:
    """Whether everybody who deleted their account by the last night that was loaded is gone."""
    known = warehouse.query("""
        select substr(identifier, 10) as customer_id from identity.identity_map where identifier like 'customer:%'
    """)
    last = warehouse.query("select max(load_date) as last from raw.delivered_files")["last"][0].as_py()
    with duckdb.connect() as connection:
        connection.register("known", known)
        deleted, left = connection.execute(
            """
            select count(*), count(*) filter (customer_id in (select customer_id from known))
            from read_parquet($file) where deleted_on <= $last
            """,
            {"file": str(truth_dir / _DELETED), "last": last},
        ).fetchall()[0]
    verdict: Literal["holds", "does not hold"] = "does not hold" if left else "holds"
    return Comparison("deleted accounts: erased", f"{deleted:,}", f"{deleted - left:,}", verdict)


def _identity(warehouse: Warehouse, truth_dir: Path) -> list[Comparison]:
    """Pairs of identifiers: how many of those put together are one person, and how many of those are together."""
    pairs = count_pairs(
        warehouse.query("select identifier, person_id from identity.identity_map where void_on is null"), truth_dir
    )
    return [
        _at_least("identity: pairs put together that are one person", LEAST_PRECISION, pairs.right, pairs.together),
        _at_least(
            "identity: pairs shown by what people did that are together", LEAST_SHOWN_RECALL,
            pairs.shown_found, pairs.shown,
        ),
        # nothing else tells that two cookies are one person: no more can be asked than people show
        _at_least(
            "identity: all pairs of one person that are together",
            LEAST_SHOWN_RECALL * pairs.shown / pairs.true if pairs.true else 0.0, pairs.true_found, pairs.true,
        ),
    ]  # fmt: skip


def _lifts(warehouse: Warehouse, planted: dict[str, Any]) -> list[Comparison]:
    """Whether the interval of the last night holds the lift of orders; one in twenty honest ones does not."""
    words = f"{planted['true_lift']:+.1%} planted, {planted['orders_caused']:,} orders caused"
    found = [_lift(warehouse, "lift: orders per visitor", planted["holdout_id"], planted["true_lift"], words)]
    for experiment_id, arms in sorted(planted["experiments"].items()):
        name = f"lift of {experiment_id}: orders per visitor"
        ratios = [arms[arm]["orders"] - arms[arm]["orders_caused"] for arm in ("treatment", "control")]
        if min(ratios) == 0:
            found.append(Comparison(name, "an arm of nobody who buys without lists", "", "cannot tell"))
            continue
        treatment, control = (
            arms[arm]["orders"] / rest for arm, rest in zip(("treatment", "control"), ratios, strict=True)
        )
        true = treatment / control - 1
        caused = f"{treatment - 1:+.1%} caused in treatment and {control - 1:+.1%} in control"
        found.append(_lift(warehouse, name, experiment_id, true, f"{true:+.1%}: {caused}"))
    return found


def _lift(warehouse: Warehouse, name: str, experiment_id: str, true: float, expected: str) -> Comparison:
    rows = warehouse.query(
        """
        select site_id, relative_lift, relative_ci_low, relative_ci_high, verdict, reason
        from measurement.lift
        where metric = 'orders_per_visitor' and experiment_id = ? and night = (select max(night) from measurement.lift)
        order by site_id = 'all' desc, treatment_units desc
        limit 1
        """,
        [experiment_id],
    ).to_pylist()
    if not rows:
        return Comparison(name, expected, "no row in measurement.lift", "does not hold")
    row = rows[0]
    if row["relative_ci_low"] is None or row["relative_ci_high"] is None:
        verdict: Literal["cannot tell", "does not hold"] = (
            "does not hold" if row["verdict"] == "broken" else "cannot tell"
        )
        return Comparison(name, expected, f"{row['verdict']}: {row['reason']}", verdict)
    interval = f"{row['relative_ci_low']:+.1%} to {row['relative_ci_high']:+.1%}"
    got = f"{row['relative_lift']:+.1%} ({interval}), site {row['site_id']}"
    inside = row["relative_ci_low"] <= true <= row["relative_ci_high"]
    return Comparison(name, expected, got, "holds" if inside else "does not hold")


def _self_tests(warehouse: Warehouse) -> list[Comparison]:
    """What the last night found of its own intervals on seeded splits: the worst of each test on each site."""
    if not warehouse.exists("measurement.self_tests"):
        return []
    rows = warehouse.query("""
        select test, site_id, metric, estimator, share, share_low, share_high, status, reason
        from measurement.self_tests where night = (select max(night) from measurement.self_tests)
        order by site_id, test, metric, estimator
    """).to_pylist()
    names = {"a_a": "arms that do not differ: splits with a finding", "planted": "4 % planted: intervals that hold it"}
    found = []
    for test, site_id in dict.fromkeys((row["test"], row["site_id"]) for row in rows):
        of_both = [row for row in rows if (row["test"], row["site_id"]) == (test, site_id)]
        name = f"{names[test]}, {site_id}"
        untold = [row["reason"] for row in of_both if row["status"] == "cannot tell"]
        if untold:
            found.append(Comparison(name, "", untold[0], "cannot tell"))
            continue
        lowest, highest = (edge(row["share"] for row in of_both) for edge in (min, max))
        sequence = "; of the sequence no more" if test == "a_a" else ""
        expected = f"{of_both[0]['share_low']:.1%} to {of_both[0]['share_high']:.1%}{sequence}"
        got = f"{lowest:.1%} to {highest:.1%} over {len(of_both)} metrics and estimators"
        is_sound = all(row["status"] == "holds" for row in of_both)
        found.append(Comparison(name, expected, got, "holds" if is_sound else "does not hold"))
    return found


def _segments(warehouse: Warehouse, truth_dir: Path) -> list[Comparison]:
    """Whether the combinations that buy twice as often were found and confirmed, where people enough were seen."""
    if not (truth_dir / FILE).is_file() or not warehouse.exists("segments.discovered_segments"):
        return []
    found: list[Comparison] = []
    for planted in json.loads((truth_dir / FILE).read_text(encoding="utf-8")):
        rows = found_rows(warehouse, planted["conditions"])
        name = f"segment found by itself: {planted['name']}"
        expected = f"conversion x {planted['multiplier']:g} planted in {planted['people']:,} people"
        seen = people_looked_at(warehouse, planted["conditions"])
        if rows:
            shown = [f"{r['site_id']} {r['confirmed_value']:.1%} against {r['confirmed_average']:.1%}" for r in rows]
            found.append(Comparison(name, expected, "; ".join(shown), "holds"))
        elif seen < LEAST_SEEN:
            got = f"{seen:,} people seen on one site; it takes {LEAST_SEEN:,} to be sure of finding it"
            found.append(Comparison(name, expected, got, "cannot tell"))
        else:
            found.append(Comparison(name, expected, f"not confirmed, {seen:,} people seen", "does not hold"))
    return found


def _same(name: str, expected: int, got: int | None, note: str, *, erased: int = 0) -> Comparison:
    """``erased``: records that were taken out again; which of them these would have been is forgotten."""
    shown = "none" if got is None else f"{got:,}"
    holds = got is not None and expected - erased <= got <= expected
    less = f", less up to {erased:,} erased" if erased else ""
    return Comparison(name, f"{expected:,}{less}", shown + note, "holds" if holds else "does not hold")


def _at_least(name: str, least: float, part: int, whole: int) -> Comparison:
    expected = f"at least {least:.1%}"
    if whole == 0:
        return Comparison(name, expected, "no pair to judge by", "does not hold")
    return Comparison(
        name,
        expected,
        f"{part / whole:.1%} ({part:,} of {whole:,})",
        "holds" if part / whole >= least else "does not hold",
    )
