"""Rolling back from the command line: over real tables, a real config file and a real MLflow store."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from perso_pipeline.contracts.errors import ConfigError, PersoError
from perso_pipeline.models.pins import read_pins
from perso_pipeline.models.tables import CHAMPIONS, MODEL_VERDICTS, table
from perso_pipeline.operation.champions import release, roll_back, show_champions
from perso_pipeline.resources.tracked import ModelRun, NightRun
from perso_pipeline.resources.tracking import Tracking
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import PROJECT_ROOT, Settings

# als came on the last night; before it item_knn served.
NIGHTS = {date(2026, 10, 29): "item_knn", date(2026, 10, 30): "item_knn", date(2026, 10, 31): "als"}
LAST = max(NIGHTS)


def version(night: date) -> str:
    return f"{night}.0123abcd"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "config"
    config.mkdir()
    for name in ("sites.yml", "models.yml", "pinned_models.yml"):
        shutil.copy(PROJECT_ROOT / "config" / name, config)
    made = Settings(home=tmp_path / "home", config_dir=config, hash_key="", memory_limit="1GB", threads=1)
    warehouse = DuckDBWarehouse(made.warehouse_path)
    for night, model in NIGHTS.items():
        row = {"night": night, "site_id": "shop-uk", "task": "personal", "model": model, "challenger": "popular"}
        rows = [row | {"version": version(night), "mlflow_run_id": "r", "reason": f"{model} is best."}]
        warehouse.write_partition("models.champions", table(rows, CHAMPIONS), {"night": night})
    said = {"night": LAST, "site_id": "shop-uk", "task": "personal", "model": "als", "place": 1, "value": 0.1}
    said |= {"beats_popular": True, "covers": True, "harms_no_slice": True, "may_serve": True, "words": "als wins."}
    warehouse.write_partition("models.model_verdicts", table([said], MODEL_VERDICTS), {"night": LAST})
    return made


@pytest.fixture
def said() -> list[str]:
    return []


def store_of(settings: Settings) -> Tracking:
    """An MLflow store in which each night's champion was registered."""
    store = Tracking(settings.mlflow_uri, settings.mlflow_dir / "artifacts")
    for night, model in NIGHTS.items():
        run = NightRun("shop-uk", night, f"key {night}", {}, {}, {}, [ModelRun(model, {}, {})])
        run_id = store.record(run).models[model]
        store.store_model(run_id, {"model.json": b"{}"})
        store.registry.register("shop-uk--personal", run_id, night=night, version=version(night), alias="champion")
    return store


def test_a_rollback_is_a_dated_pin_and_an_alias_put_back(settings: Settings, said: list[str]) -> None:
    store = store_of(settings)
    roll_back(settings, site_id="shop-uk", task="personal", to="", why="odd lists", say=said.append)

    pins = read_pins(settings.config_dir)
    assert pins.of("shop-uk", date(2026, 10, 30)) == {}
    pin = pins.of("shop-uk", LAST)["personal"]
    assert (pin.model, pin.version, pin.why) == ("item_knn", "2026-10-30.0123abcd", "odd lists")
    champion = store._client.get_model_version_by_alias("shop-uk--personal", "champion")
    assert champion.tags["perso.version"] == "2026-10-30.0123abcd"
    assert champion.tags["perso.rolled_back_on"] == "2026-10-31"
    assert store._client.get_model_version_by_alias("shop-uk--personal", "challenger").tags["perso.model"] == "als"
    assert said[0].startswith("shop-uk, personal: item_knn, champion of 2026-10-30.0123abcd, serves from 2026-10-31 on")
    assert "champion of shop-uk--personal stands on version 2 (item_knn)." in said[1]

    # A night before the rollback, run again, leaves the alias; the night itself and later ones take it on.
    run_id = store.recorded("shop-uk", date(2026, 10, 29), "key 2026-10-29").models["item_knn"]  # type: ignore[union-attr]
    args = {"night": date(2026, 10, 29), "version": version(date(2026, 10, 29)), "alias": "champion"}
    store.registry.register("shop-uk--personal", run_id, **args)
    assert store._client.get_model_version_by_alias("shop-uk--personal", "champion").version == champion.version
    run_id = store.recorded("shop-uk", LAST, "key 2026-10-31").models["als"]  # type: ignore[union-attr]
    store.registry.register("shop-uk--personal", run_id, night=LAST, version=version(LAST), alias="champion")
    assert store._client.get_model_version_by_alias("shop-uk--personal", "champion").run_id == run_id


@pytest.mark.parametrize("to", ["2026-10-29", "2026-10-29.0123abcd"])
def test_a_rollback_may_name_a_night_or_a_version(to: str, settings: Settings, said: list[str]) -> None:
    roll_back(settings, site_id="shop-uk", task="personal", to=to, why="", say=said.append)
    assert read_pins(settings.config_dir).of("shop-uk", LAST)["personal"].version == "2026-10-29.0123abcd"
    assert said[1] == "MLflow: champion of shop-uk--personal was not moved: the version is not there."


def test_what_cannot_be_rolled_back_to_is_named(settings: Settings, said: list[str]) -> None:
    with pytest.raises(PersoError, match=r"no version '2026-10-1'.*the newest are 2026-10-31.0123abcd \(als\)"):
        roll_back(settings, site_id="shop-uk", task="personal", to="2026-10-1", why="", say=said.append)
    with pytest.raises(PersoError, match="no night has been run"):
        roll_back(settings, site_id="shop-uk", task="similar", to="", why="", say=said.append)
    with pytest.raises(PersoError, match=r"no site 'shop-uc' \(did you mean 'shop-uk'\?\)"):
        roll_back(settings, site_id="shop-uc", task="personal", to="", why="", say=said.append)
    DuckDBWarehouse(settings.warehouse_path).write_partition(
        "models.champions", table([], CHAMPIONS), {"night": LAST}
    )  # now item_knn served every night
    with pytest.raises(PersoError, match="item_knn has been champion in every night"):
        roll_back(settings, site_id="shop-uk", task="personal", to="", why="", say=said.append)
    assert read_pins(settings.config_dir).pinned == []


def test_a_model_that_left_the_race_cannot_come_back(settings: Settings, said: list[str]) -> None:
    path = settings.config_dir / "models.yml"
    text = path.read_text().replace("item_knn, rp3beta, als]", "rp3beta, als]").replace(": item_knn", ": als")
    path.write_text(text)
    with pytest.raises(ConfigError, match="item_knn no longer runs in the race"):
        roll_back(settings, site_id="shop-uk", task="personal", to="", why="", say=said.append)


def test_a_release_gives_the_race_its_say_from_the_next_night(settings: Settings, said: list[str]) -> None:
    with pytest.raises(PersoError, match="nothing is pinned"):
        release(settings, site_id="shop-uk", task="personal", say=said.append)
    roll_back(settings, site_id="shop-uk", task="personal", to="", why="", say=said.append)
    release(settings, site_id="shop-uk", task="personal", say=said.append)
    pins = read_pins(settings.config_dir)
    assert set(pins.of("shop-uk", LAST)) == {"personal"}
    assert pins.of("shop-uk", date(2026, 11, 1)) == {}
    with pytest.raises(PersoError, match="nothing is pinned"):
        release(settings, site_id="shop-uk", task="personal", say=said.append)


def test_status_says_who_serves_why_and_what_holds_it_there(settings: Settings, said: list[str]) -> None:
    show_champions(settings, site_id="shop-uk", say=said.append)
    assert said[0] == (
        "shop-uk, personal, night 2026-10-31: als (2026-10-31.0123abcd; challenger popular; "
        "incumbent in models.yml: item_knn)"
    )
    assert said[1:3] == ["  als is best.", "  may serve   als wins."]
    assert said[-1] == "shop-uk, similar: no night has been run yet."
    roll_back(settings, site_id="shop-uk", task="personal", to="", why="", say=said.append)
    said.clear()
    show_champions(settings, site_id="shop-uk", say=said.append)
    assert "rolled back to 2026-10-30.0123abcd" in said[0]
