"""The graph as a whole: what exists, described, gated, and nothing by mistake."""

import dagster as dg
import pytest

from perso_pipeline.definitions import FACT_STAGES, defs
from perso_pipeline.quality.gates import GATE
from perso_pipeline.quality.suites import read_suites
from perso_pipeline.settings import Settings

GRAPH = defs.resolve_asset_graph()
STAGES = {
    "raw", "staging", "identity", "interactions", "profiles", "segments", "models", "recommendations", "activation",
    "measurement", "erasure",
}  # fmt: skip

FILES = {"report", "receipts", "resumed_erasures"}  # no tables
DESCRIBED = {spec.key: spec for spec in defs.resolve_all_asset_specs() if spec.key.path[-1] not in FILES}


def test_the_location_loads() -> None:
    dg.Definitions.validate_loadable(defs)


def test_no_key_is_a_slip_of_the_pen() -> None:
    # a misspelt dependency loads without complaint, as an external asset
    assert {key.to_user_string() for key in GRAPH.external_asset_keys} == set()


def test_every_stage_has_assets_under_its_name() -> None:
    assert {GRAPH.get(key).group_name for key in GRAPH.get_all_asset_keys()} == STAGES


@pytest.mark.parametrize("key", sorted(GRAPH.get_all_asset_keys()), ids=lambda key: key.to_user_string())
def test_an_asset_says_what_it_is_and_whose(key: dg.AssetKey) -> None:
    node = GRAPH.get(key)
    assert key.path[0] == node.group_name
    assert node.description
    assert node.owners
    assert node.kinds
    assert node.partitions_def is not None


@pytest.mark.parametrize("key", sorted(DESCRIBED), ids=lambda key: key.to_user_string())
def test_every_column_of_a_table_is_described(key: dg.AssetKey) -> None:
    columns = DESCRIBED[key].metadata["dagster/column_schema"].columns

    assert columns
    assert [column.name for column in columns if not column.description] == []


def test_every_suite_gates_an_asset() -> None:
    tables = {suite.table for suite in read_suites(Settings().expectations_dir)}
    gated = {".".join(key.asset_key.path) for key in GRAPH.asset_check_keys if key.name == GATE}
    assert gated == tables
    assert tables <= {".".join(key.path) for key in GRAPH.get_all_asset_keys()}


def test_every_table_of_a_stage_boundary_is_gated() -> None:
    gated = {key.asset_key for key in GRAPH.asset_check_keys if GRAPH.get_check_spec(key).blocking}
    without = {key.to_user_string() for key in GRAPH.get_all_asset_keys() if key not in gated}
    # the books, receipts and the report page hold nothing that a later stage reads; two views show gated tables another way
    views = {"interactions/session_events", "interactions/recommendation_requests"}
    assert without - views <= {
        "raw/rejected_records", "raw/sites", "raw/resumed_erasures", "measurement/report", "erasure/receipts",
    }  # fmt: skip


def test_fact_stages_take_a_range_of_nights_in_one_run() -> None:
    for key in GRAPH.get_all_asset_keys():
        policy = GRAPH.get(key).backfill_policy
        is_single_run = policy is not None and policy.max_partitions_per_run is None
        assert is_single_run == (key.path[0] in FACT_STAGES), key


def test_the_nightly_job_runs_everything_in_one_run() -> None:
    job = defs.resolve_job_def("nightly")
    assert set(job.asset_layer.executable_asset_keys) == set(GRAPH.get_all_asset_keys())


def test_erasing_deleted_accounts_is_the_last_step_of_a_night() -> None:
    last = dg.AssetKey(["erasure", "receipts"])
    before = GRAPH.get_ancestor_asset_keys(last)
    assert before == set(GRAPH.get_all_asset_keys()) - {last}


def test_an_erasure_that_was_killed_is_finished_before_anything_is_loaded() -> None:
    first = dg.AssetKey(["raw", "resumed_erasures"])
    loaded = {key for key in GRAPH.get_all_asset_keys() if key.path[0] in {"raw", "staging", "identity"}}
    assert {key for key in loaded if first not in GRAPH.get_ancestor_asset_keys(key)} == {first}
