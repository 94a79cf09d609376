"""The search: repeatable, goes on after a kill, sees nothing of the test window, leaves the night's tables alone."""

import itertools
from datetime import date, timedelta
from typing import Any

import dagster as dg
import numpy as np
import optuna
import pytest
import yaml

from perso_pipeline.contracts.errors import ConfigError, PersoError
from perso_pipeline.models.config import EvaluationConfig
from perso_pipeline.models.evidence import from_tables
from perso_pipeline.models.protocol import TooLargeError
from perso_pipeline.models.search.job import search_models
from perso_pipeline.models.search.objective import gain, windows, with_settings
from perso_pipeline.models.search.run import SearchOrder, run_search
from perso_pipeline.models.search.space import SPACES, Real, Whole, Words, space_of, widened
from perso_pipeline.models.search.study import best, finished, importances, search
from perso_pipeline.models.signals import read_signals, to_day
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.tracking import TrackingResource
from perso_pipeline.resources.warehouse import WarehouseResource
from perso_pipeline.settings import PROJECT_ROOT

NIGHT = date(2026, 1, 31)
SPACE = {"size": Whole(1, 64, by_ratio=True), "share": Real(0.0, 1.0), "kind": Words(("a", "b"))}
CURRENT = {"size": 8, "share": 0.9, "kind": "a"}


def judge(settings):
    """Best at size 32, share .25, kind b; two windows."""
    value = 1 - abs(np.log2(settings["size"]) - 5) / 5 - abs(settings["share"] - 0.25) + 0.1 * (settings["kind"] == "b")
    yield float(value)
    yield float(value) - 0.01


def study_of(path) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    return optuna.create_study(storage=storage, study_name="s", direction="maximize", load_if_exists=True)


def run(study: optuna.Study, trials: int | None, *, judged=judge, is_time_up=lambda: False) -> list[Any]:
    told: list[Any] = []
    search(
        study, SPACE, CURRENT, judged, windows=2, seed=3, trials=trials, is_time_up=is_time_up, on_trial=told.append
    )  # fmt: skip
    return told


def test_the_present_settings_are_tried_first_and_better_ones_are_found(tmp_path):
    study = study_of(tmp_path / "s.db")
    told = run(study, 30)
    assert len(told) == 30
    assert told == finished(study)
    assert told[0].settings == CURRENT
    assert told[0].values == tuple(judge(CURRENT))
    assert best(told).mean > told[0].mean + 0.3
    shares = importances(study, seed=1)
    assert set(shares) == set(SPACE)
    assert sum(shares.values()) == pytest.approx(1)


def test_the_same_seed_and_trials_give_the_same_study(tmp_path):
    assert run(study_of(tmp_path / "a.db"), 14) == run(study_of(tmp_path / "b.db"), 14)


def test_a_search_that_was_killed_in_the_middle_of_a_trial_goes_on_as_if_nothing_had_happened(tmp_path):
    whole = run(study_of(tmp_path / "whole.db"), 16)
    calls = itertools.count()

    def killed(settings):
        for value in judge(settings):
            if next(calls) == 25:  # a second window: the trial has reported and is left running in the database
                raise KeyboardInterrupt
            yield value

    with pytest.raises(KeyboardInterrupt):
        run(study_of(tmp_path / "killed.db"), 16, judged=killed)
    states = {one.state.name for one in study_of(tmp_path / "killed.db").trials}
    assert "RUNNING" in states
    run(study_of(tmp_path / "killed.db"), 16)
    again = finished(study_of(tmp_path / "killed.db"))
    assert again == whole
    assert not [one for one in study_of(tmp_path / "killed.db").trials if one.state.name == "RUNNING"]


def test_the_budget_ends_the_search_and_a_trial_cut_short_does_not_count(tmp_path):
    ticks = itertools.count()
    told = run(study_of(tmp_path / "s.db"), None, is_time_up=lambda: next(ticks) >= 6)
    # asked before trial 0, before trial 1 and after each of its windows, before trial 2 and after its first window
    assert len(told) == 2
    assert len(run(study_of(tmp_path / "s.db"), 3)) == 1


def test_settings_that_do_not_fit_into_memory_are_refused_and_the_search_goes_on(tmp_path):
    def picky(settings):
        if settings["kind"] == "b":
            msg = "too large"
            raise TooLargeError(msg)
        yield from judge(settings)

    told = run(study_of(tmp_path / "s.db"), 12, judged=picky)
    assert {one.outcome for one in told} == {"complete", "refused"}
    assert best(told).settings["kind"] == "a"


def test_a_range_is_widened_to_the_present_setting():
    wide = widened({"size": Whole(10, 20), "kind": Words(("a",))}, {"size": 500, "kind": "a"})
    assert wide == {"size": Whole(10, 500), "kind": Words(("a",))}


@pytest.mark.parametrize("model", sorted(SPACES))
def test_every_space_names_settings_that_the_file_has_and_takes(config, model):
    space = space_of(model)
    block = getattr(config, model).model_dump()
    assert set(space) <= set(block)
    for end in ("low", "high"):
        settings = {n: d.words[0] if isinstance(d, Words) else getattr(d, end) for n, d in space.items()}
        assert getattr(with_settings(config, model, settings), model).model_dump() == block | settings


def test_a_model_without_a_space_is_named():
    with pytest.raises(ConfigError, match=r"nothing to search for model 'alz' .did you mean 'als'"):
        space_of("alz")


@pytest.fixture
def small(config):
    short = {"test_days": [5], "enough_people": 30, "min_people": 20, "bootstrap_samples": 100}
    evaluation = EvaluationConfig(**(config.evaluation.model_dump() | short))
    cold_start = config.cold_start.model_copy(update={"is_on": False})
    return config.model_copy(update={"evaluation": evaluation, "cold_start": cold_start, "submodels": ()})


def test_the_windows_roll_back_from_a_test_window_that_none_of_them_touches(two_tastes, small):
    two_tastes.write()
    signals = read_signals(two_tastes.warehouse, "shop-uk", NIGHT, small.signals)
    made = windows(signals, from_tables(None, None), small, most=3)
    assert (made.test.cut, made.test.end) == (NIGHT - timedelta(days=4), NIGHT)
    before = made.test.cut
    for one in made.validation:
        assert one.end < before
        assert one.train.as_of == one.cut
        assert to_day(one.end) - to_day(one.cut) == 4
        before = one.cut
    assert len(made.validation) == 3


def test_what_happens_in_the_test_window_changes_nothing_in_validation(two_tastes, small):
    two_tastes.write()
    before = windows(
        read_signals(two_tastes.warehouse, "shop-uk", NIGHT, small.signals), from_tables(None, None), small, most=2
    )
    two_tastes.event("c00", "item-19", NIGHT, "purchase")
    two_tastes.write()
    after = windows(
        read_signals(two_tastes.warehouse, "shop-uk", NIGHT, small.signals), from_tables(None, None), small, most=2
    )
    for one, other in zip(before.validation, after.validation, strict=True):
        assert (one.train.weights != other.train.weights).nnz == 0
        assert (one.relevant != other.relevant).nnz == 0
    assert after.test.relevant.nnz == before.test.relevant.nnz + 1


def test_the_same_settings_gain_nothing(two_tastes, small):
    two_tastes.write()
    made = windows(
        read_signals(two_tastes.warehouse, "shop-uk", NIGHT, small.signals), from_tables(None, None), small, most=1
    )
    for task in ("personal", "similar"):
        held = gain(small, "item_knn", {}, made.test, task, threads=1)
        assert (held.difference, held.ci_low, held.ci_high) == (0, 0, 0)
        assert held.best == held.current > 0


def test_too_little_data_is_said(shop, small):
    shop.event("c1", "a", NIGHT)
    shop.write()
    with pytest.raises(PersoError, match="too little to search on"):
        windows(read_signals(shop.warehouse, "shop-uk", NIGHT, small.signals), from_tables(None, None), small, most=1)


def order(**more: Any) -> SearchOrder:
    whole = {"site_id": "shop-uk", "model": "item_knn", "task": "personal", "night": NIGHT, "trials": 4, "seed": 5}
    return SearchOrder(**{**whole, **more})


@pytest.fixture
def searched(two_tastes, small, tmp_path):
    warehouse = two_tastes.write()
    tracking = TrackingResource(
        uri=f"sqlite:///{tmp_path / 'mlflow.db'}", artifact_dir=str(tmp_path / "artifacts")
    ).open()

    def run_it(**more: Any):
        return run_search(
            order(**more), warehouse=warehouse, config=small, tracking=tracking, searches_dir=tmp_path / "searches",
            tags={}, threads=1, is_time_up=lambda: False, say=lambda _: None,
        )  # fmt: skip

    return run_it, tracking


def test_a_search_leaves_a_block_to_paste_pictures_and_a_run_with_a_child_per_trial(searched, small):
    run_it, tracking = searched
    made = run_it()
    assert made.block.startswith("# 4 trials: mean ndcg@10 ")
    pasted = yaml.safe_load(made.block)
    assert with_settings(small, "item_knn", pasted["item_knn"]).item_knn.neighbours == pasted["item_knn"]["neighbours"]
    assert (made.folder / "best.yml").read_text() == made.block
    assert (made.folder / "history.png").read_bytes().startswith(b"\x89PNG")
    client = tracking._client
    parent = client.get_run(made.mlflow_run_id)
    assert parent.data.metrics["trials"] == 4
    runs = client.search_runs([parent.info.experiment_id])
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == made.mlflow_run_id]
    assert sorted(run.info.run_name for run in children) == [f"trial-000{n}" for n in range(4)]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert "mean/ndcg_at_10" in children[0].data.metrics
    assert {file.path for file in client.list_artifacts(made.mlflow_run_id, "search")} >= {
        "search/best.yml",
        "search/history.png",
    }

    on = run_it(trials=6)  # goes on, in the same run
    assert on.mlflow_run_id == made.mlflow_run_id
    assert on.tried[:4] == made.tried
    assert len(on.tried) == 6
    assert len(client.search_runs([parent.info.experiment_id])) == 7
    other = run_it(seed=6, trials=1)  # another study
    assert other.name != made.name


def test_the_job_searches_without_touching_a_table_of_the_warehouse(two_tastes, tmp_path):
    warehouse = two_tastes.write()
    config_dir = tmp_path / "config"
    config_dir.mkdir()
    for name in ("sites.yml", "models.yml"):
        text = (PROJECT_ROOT / "config" / name).read_text()
        small = "{evaluation: {test_days: [5], enough_people: 30, min_people: 20, bootstrap_samples: 100}}"
        (config_dir / name).write_text(text.replace("sites: {}", f"sites:\n  shop-uk: {small}"))
    warehouse.close()  # the job opens the file itself
    before = warehouse.path.read_bytes()
    resources = {
        "settings": SettingsResource(home=str(tmp_path / "home"), config_dir=str(config_dir)),
        "warehouse": WarehouseResource(path=str(warehouse.path)),
        "tracking": TrackingResource(
            uri=f"sqlite:///{tmp_path / 'mlflow.db'}", artifact_dir=str(tmp_path / "artifacts")
        ),
    }
    wanted = {"site": "shop-uk", "model": "popular", "minutes": 2.0, "trials": 3, "night": NIGHT.isoformat()}
    definitions = dg.Definitions(jobs=[search_models], resources=resources)
    result = definitions.resolve_job_def("search_models").execute_in_process(
        run_config={"ops": {"search_model": {"config": wanted}}}
    )
    assert result.success
    folder = result.output_for_node("search_model")
    assert folder.startswith(str(tmp_path / "home" / "searches" / "shop-uk.popular.personal."))
    assert warehouse.path.read_bytes() == before
    failed = definitions.resolve_job_def("search_models").execute_in_process(
        run_config={"ops": {"search_model": {"config": wanted | {"night": ""}}}}, raise_on_error=False
    )
    assert not failed.success  # no night has trained models yet
