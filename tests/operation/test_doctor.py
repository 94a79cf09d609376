"""What is wrong with an installation is found before a night, with its mend."""

from pathlib import Path

import duckdb

from perso_pipeline.operation.config import CONFIG_READERS
from perso_pipeline.operation.doctor import Verdict, examine
from perso_pipeline.settings import PROJECT_ROOT, Settings


def findings(home: Path, config_dir: Path) -> list[tuple[str, Verdict, str]]:
    settings = Settings(home=home, config_dir=config_dir, hash_key="")
    return [(f.topic, f.verdict, f.text) for f in examine(settings, config_readers=CONFIG_READERS)]


def test_the_shipped_config_has_no_bad_finding(tmp_path: Path) -> None:
    assert [f for f in findings(tmp_path, PROJECT_ROOT / "config") if f[1] is Verdict.BAD] == []


def test_every_shipped_config_file_is_examined() -> None:
    assert {p.name for p in (PROJECT_ROOT / "config").glob("*.yml")} == set(CONFIG_READERS)


def test_a_folder_that_is_no_day_is_named_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "landing" / "order_events" / "yesterday").mkdir(parents=True)
    bad = [text for topic, verdict, text in findings(tmp_path, PROJECT_ROOT / "config") if verdict is Verdict.BAD]
    assert bad == ["order_events/yesterday is not a day; name it YYYY-MM-DD after the day of arrival."]


def test_a_slip_in_a_config_file_is_named_with_file_and_line(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    for file in (PROJECT_ROOT / "config").glob("*.yml"):
        (config / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    sites = config / "sites.yml"
    sites.write_text(
        sites.read_text(encoding="utf-8").replace("    timezone: Europe/Berlin", "    timezon: Europe/Berlin"),
        encoding="utf-8",
    )
    bad = [text for topic, verdict, text in findings(tmp_path / "home", config) if verdict is Verdict.BAD]
    assert bad == ["sites.yml line 12: sites.1.timezon: there is no such key (did you mean 'timezone'?)."]


def test_without_a_catalogue_lists_are_judged_by_the_files_alone(tmp_path: Path) -> None:
    said = [text for topic, verdict, text in findings(tmp_path, PROJECT_ROOT / "config") if topic == "lists"]
    assert said == ["Every scenario can fill its lists as far as the files tell; there is no catalogue yet."]


def test_a_scenario_larger_than_the_catalogue_is_bad_before_the_night(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse" / "perso.duckdb"
    warehouse.parent.mkdir()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create schema profiles; create table profiles.item_profiles as select date '2026-03-10' as night, "
            "'shop-uk' as site_id, 'i' || n as item_id, 'product' as item_type, 'Alder' as brand, 'home' as category_path, "
            "5 as stock, true as is_available, null::timestamp as valid_from, null::timestamp as valid_to, "
            "null::varchar as parent_item_id, 0 as views_28d, 0 as cart_adds_28d, 0 as purchases_28d from range(9) as t(n)"
        )
    found = findings(tmp_path, PROJECT_ROOT / "config")
    bad = [text for topic, verdict, text in found if topic == "lists" and verdict is Verdict.BAD]
    assert bad[0] == (
        "scenarios.yml: scenario 'home' has 12 places, but of 9 items of shop-uk on 2026-03-10 only 9 may stand there "
        "(taken off: none); make it smaller, or its filters fewer."
    )
