import json

import pyarrow as pa
import pytest
import yaml

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.segments.adopt import adopt
from perso_pipeline.segments.discovery_tables import DISCOVERED, RUNS, discover_segments
from perso_pipeline.segments.options import DiscoveryOptions
from perso_pipeline.segments.rules import Segments
from perso_pipeline.settings import PROJECT_ROOT
from tests.segments.worlds import NIGHT

CONDITIONS = [
    {"attribute": "site_id", "op": "is", "value": "uk"}, {"attribute": "main_channel", "op": "is", "value": "it's: {odd} # 'text'"},
    {"attribute": "has_email_consent", "op": "is", "value": True}, {"attribute": "country", "op": "is_unknown"},
]  # fmt: skip
CONFIG = """\
# the head stays
segments:
  # about buyers
  - id: buyers
    name: Buyers
    description: d
    rule: {attribute: orders, op: at_least, value: 1}  # one

# about what follows
discovery:
  window_days: 7
"""


@pytest.fixture
def warehouse(tmp_path):
    store = DuckDBWarehouse(tmp_path / "shop.duckdb")
    found = {"night": NIGHT, "site_id": "uk", "metric": "conversion", "direction": "above", "rule": json.dumps({"all": CONDITIONS}),
             "confirmed_value": 0.4, "confirmed_average": 0.1, "confirmed_q": 0.001, "is_confirmed": True}  # fmt: skip
    rows = [found | {"discovery_id": "d1"}, found | {"discovery_id": "d2", "is_confirmed": False, "confirmed_q": 0.3}]
    store.write_partition(
        "segments.discovered_segments", pa.Table.from_pylist(rows, schema=DISCOVERED), {"night": NIGHT}
    )
    store.write_partition(
        "segments.discovery_runs", pa.Table.from_pylist([{"night": NIGHT}], schema=RUNS), {"night": NIGHT}
    )
    return store


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "segments.yml"
    path.write_text(CONFIG)
    return path


def test_one_entry_more_and_every_other_line_as_it_was(warehouse, config):
    written = adopt(warehouse, "d1", config)
    text = config.read_text()
    assert text.replace("\n" + written, "", 1) == CONFIG
    assert text.index("# one") < text.index(written) < text.index("# about what follows")
    added = yaml.safe_load(text)["segments"][-1]
    assert added["rule"] == {"all": CONDITIONS}
    assert added["description"] == "Found by itself on 2026-03-10: 40.0% ordered, 10.0% of everyone else on uk."
    assert read_config(config, Segments).segments[-1].id == added["id"]


def test_the_shipped_file_takes_one_at_its_end(warehouse, tmp_path):
    path = tmp_path / "shipped.yml"
    before = (PROJECT_ROOT / "config" / "segments.yml").read_text(encoding="utf-8")
    path.write_text(before)
    written = adopt(warehouse, "d1", path, segment_id="mine")
    assert path.read_text() == before + "\n" + written
    assert read_config(path, Segments).segments[-1].id == "mine"


@pytest.mark.parametrize(
    "text",
    [
        CONFIG.split("\n# about what", maxsplit=1)[0].rstrip("\n"),
        "segments:\n- id: buyers\n  name: B\n  description: d\n  rule: {attribute: orders, op: is_known}\n",
    ],
    ids=["no newline at the end", "no indentation"],
)
def test_other_layouts(warehouse, config, text):
    config.write_text(text)
    adopt(warehouse, "d1", config)
    assert len(read_config(config, Segments).segments) == 2


REFUSED = {
    "not confirmed": ("d2", None, "not confirmed by the other"),
    "not there": ("d3", None, "has no discovery 'd3'"),
    "id is taken": ("d1", "buyers", "the id 'buyers' is taken"),
    "id is odd": ("d1", "No Id", "Choose another id with --id"),
}  # fmt: skip


@pytest.mark.parametrize(("discovery", "segment_id", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_adopted_leaves_the_file_alone(warehouse, config, discovery, segment_id, sentence):
    with pytest.raises(PersoError, match=sentence):
        adopt(warehouse, discovery, config, segment_id=segment_id)
    assert config.read_text() == CONFIG
    assert [path.name for path in config.parent.glob(".segments*")] == []


def test_a_search_before_any_night_says_what_to_do(tmp_path, config):
    with pytest.raises(PersoError, match="run a night first"):
        adopt(DuckDBWarehouse(tmp_path / "none.duckdb"), "d1", config)


def test_a_discovered_rule_is_one_that_the_config_takes(tmp_path):
    """Half of the people have a mobile and buy, the others do not."""
    store = DuckDBWarehouse(tmp_path / "found.duckdb")
    with store.connect() as connection:
        connection.execute("create schema profiles")
        connection.execute("""
            create table profiles.customer_profiles as
            select date '2026-03-10' as night, 'uk' as site_id, 'p' || n as person_id,
                if(n % 2 = 0, 'mobile', null) as main_channel, n % 3 = 0 as has_email_consent, date '2026-03-09' as last_seen_date,
                if(n % 10 < if(n % 2 = 0, 8, 2), date '2026-03-01', null) as last_order_date, 20::decimal(18, 4) as average_order_value
            from range(2000) t(n)
        """)
    options = DiscoveryOptions(attributes=("main_channel", "has_email_consent"))
    tables = discover_segments(store, options, NIGHT)
    mobile = next(r for r in tables.discovered.to_pylist() if "mobile" in r["rule"] and "consent" not in r["rule"])
    assert (mobile["direction"], mobile["is_confirmed"], mobile["rule_words"]) == (
        "above",
        True,
        "(site_id is uk and main_channel is mobile)",
    )
    unknown = next(
        r for r in tables.discovered.to_pylist() if r["rule_words"] == "(site_id is uk and main_channel is unknown)"
    )
    assert unknown["direction"] == "below"
    assert tables == discover_segments(store, options, NIGHT)
    assert [(r["metric"], r["people"]) for r in tables.runs.to_pylist()] == [
        ("conversion", 2000),
        ("average_cart", 2000),
    ]
