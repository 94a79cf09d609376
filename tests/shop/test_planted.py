import json

import duckdb
import pytest

from perso_pipeline.shop.config import ShopConfig
from perso_pipeline.shop.planted import FILE, MULTIPLIER, PLANTED
from perso_pipeline.shop.simulate import simulate
from perso_pipeline.shop.verify import LEAST_SEEN, _segments


class Warehouse:
    """The tables that the comparison reads, in memory."""

    def __init__(self, people, discovered):
        self.connection = duckdb.connect()
        self.connection.execute("""
            create schema segments; create schema profiles;
            create table segments.discovery_runs as select date '2026-03-10' as night;
            create table segments.discovered_segments(night date, site_id varchar, rule varchar, people bigint, metric varchar,
                direction varchar, is_confirmed boolean, confirmed_value double, confirmed_average double);
        """)
        self.connection.execute(
            "create table profiles.customer_profiles as select date '2026-03-10' as night, 'uk' as site_id, 'mobile' as main_device, "
            f"true as has_email_consent, 'basic' as loyalty_tier, date '2026-03-10' as last_seen_date from range({people})"
        )
        for conditions, is_confirmed in discovered:
            rule = [{"attribute": "site_id", "op": "is", "value": "uk"}]
            rule += [{"attribute": name, "op": "is", "value": value} for name, value in conditions.items()]
            self.connection.execute(
                "insert into segments.discovered_segments values (date '2026-03-10', 'uk', ?, 50, 'conversion', 'above', ?, 0.4, 0.2)",
                [json.dumps({"all": rule}), is_confirmed],
            )

    def exists(self, table):
        return True

    def query(self, sql, parameters=()):
        return self.connection.sql(sql, params=parameters or None).to_arrow_table()


@pytest.fixture(scope="module")
def truth_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    simulate(ShopConfig(people=600, items=60, days=2), landing_dir=folder / "landing", truth_dir=folder / "truth")
    return folder / "truth"


def test_the_truth_says_who_buys_twice_as_often(truth_dir):
    rows = json.loads((truth_dir / FILE).read_text())
    assert [(row["conditions"], row["multiplier"]) for row in rows] == [(p.conditions, MULTIPLIER) for p in PLANTED]
    assert all(20 < row["people"] < 300 for row in rows)


MOBILE = PLANTED[0].conditions
CASES = {
    "found": (LEAST_SEEN, [(MOBILE, True)], "holds"),
    "found in a small shop": (10, [(MOBILE, True)], "holds"),
    "found and not confirmed": (LEAST_SEEN, [(MOBILE, False)], "does not hold"),
    "only something near it": (LEAST_SEEN, [(MOBILE | {"country": "GB"}, True)], "does not hold"),
    "too few people to tell": (10, [], "cannot tell"),
}  # fmt: skip


@pytest.mark.parametrize(("people", "discovered", "verdict"), CASES.values(), ids=CASES.keys())
def test_verify_says_whether_it_was_found(truth_dir, people, discovered, verdict):
    assert _segments(Warehouse(people, discovered), truth_dir)[0].verdict == verdict
