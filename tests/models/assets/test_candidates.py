"""What follows from the files that a night stored: its candidates, and a list that is given."""

import io

import pytest
from rich.console import Console

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.operation.rank_list import rank_list, reason, shown
from perso_pipeline.settings import Settings
from tests.models.assets.stage import LISTS, MEASURED, NIGHT


def test_a_given_list_is_put_in_order_by_the_model_that_the_night_stored(stage, monkeypatch):
    assert stage.run().success
    monkeypatch.setenv("PERSO_CONFIG_DIR", str(stage.config_dir))
    with stage.warehouse.transaction() as connection:  # the names to be shown
        connection.execute(
            "insert into staging.stg_catalog_items by name select 'shop-uk' as site_id, 'item-07' as item_id, "
            "'Blue [mug]' as name, timestamp '2020-01-01' as occurred_at, date '2020-01-01' as known_on"
        )

    def ask(who, items, site=None):
        return rank_list(Settings(), stage.warehouse, stage.tracking.open(), who, items, site)

    # c00 likes items 0 to 29 and c01 the others, but for what each has had so far.
    for who, first in (("c00", "item-07"), ("c01", "item-41")):
        answer = ask(who, ["item-41", "item-07", "item-99"])
        assert answer.ranked.placed[0].item_id == first
        assert answer.ranked.unknown == ("item-99",)
    champion = next(r for r in stage.rows("champions") if r["site_id"] == "shop-uk" and r["task"] == "personal")
    assert (answer.site_id, answer.model, answer.version) == ("shop-uk", champion["model"], champion["version"])
    page = Console(width=200, file=io.StringIO())
    page.print(shown(answer))
    assert "1     item-41" in page.file.getvalue()
    assert "item-07  Blue [mug]" in page.file.getvalue()  # a name is no mark-up
    why = reason(ask("c00", ["item-07"]).ranked.placed[0])
    assert why.startswith(f"{champion['model']}, because of item-")
    with pytest.raises(PersoError, match="Nobody is known as 'nobody'"):
        ask("nobody", ["item-07"])
    with pytest.raises(PersoError, match=r"No model serves the site 'shop-u' .*did you mean 'shop-uk'"):
        ask("c00", ["item-07"], "shop-u")


def test_altered_model_files_stop_the_candidates(stage):
    assert stage.run().success
    row = next(r for r in stage.rows("model_artifacts") if r["model"] == "popular" and r["file"] == "arrays.npz")
    path = stage.tracking.open().model_folder(row["mlflow_run_id"]) / row["file"]
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    result = stage.run(*LISTS)
    assert not result.success
    failure = next(e for e in result.all_events if e.is_step_failure).step_failure_data.error.to_string()
    assert "altered after it was stored" in failure
    assert stage.run("model_artifacts", *LISTS).success  # the mend that the message names


def test_an_artefact_folder_outside_the_store_is_refused(stage, tmp_path):
    assert stage.run(*MEASURED).success
    client = stage.client()
    elsewhere = client.create_experiment(f"elsewhere-{tmp_path.name}", artifact_location=tmp_path.as_uri())
    run_id = client.create_run(elsewhere).info.run_id
    with pytest.raises(PersoError, match="lie outside"):
        stage.tracking.open().model_folder(run_id)
    with pytest.raises(PersoError, match="has no run"):
        stage.tracking.open().model_folder("../../etc")


def test_an_item_that_too_few_people_met_is_placed_by_content_and_not_by_the_champion(stage):
    with stage.warehouse.transaction() as connection:
        connection.execute(f"""
            insert into staging.stg_catalog_items by name
            select
                'o' || item_id as event_id, 'item_updated' as event_type, date '{NIGHT}' - 60 as event_date,
                timestamp '{NIGHT}' - interval 60 day as occurred_at, 'shop-uk' as site_id, item_id, name,
                date '{NIGHT}' - 60 as known_on
            from (values ('item-00', 'blue mug'), ('rare', 'large blue mug'), ('item-01', 'lamp')) as t(item_id, name)""")
        connection.execute(f"""
            insert into interactions.interactions by name
            select 'rare' as event_id, date '{NIGHT}' as event_date, 'shop-uk' as site_id, 'customer:c00' as identifier,
                'rare' as item_id, 'product_view' as event_type, false as is_robot, date '{NIGHT}' as known_on""")
    assert stage.run().success
    lists = [row for row in stage.rows("candidates") if row["site_id"] == "shop-uk" and row["task"] == "similar"]
    rare = [(row["submodel"], row["model"], row["item_id"]) for row in lists if row["subject_id"] == "rare"]
    assert rare == [("cold_start", "content", "item-00")]
    assert [row["item_id"] for row in stage.rows("cold_items")] == ["rare"]
