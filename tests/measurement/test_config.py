from datetime import date

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.experiments import Experiment, Experiments
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.settings_tables import experiments_table
from perso_pipeline.settings import PROJECT_ROOT

HOLDOUT = Experiment(id="held", salt="salt", control_share=0.1, starts_on=date(2026, 1, 5))
CONTROL = Experiment(
    id="beside", kind="scenario_control", scenarios=("home", "cart"), layer="lists", slice=(0.25, 0.5), salt="other",
    control_share=0.2, starts_on=date(2026, 1, 6),
)  # fmt: skip


def rows(night: date) -> list[dict]:
    experiments = Experiments(experiments=(HOLDOUT, CONTROL))
    return experiments_table(experiments, MeasurementConfig(cap_quantile=0.9), night).to_pylist()


def test_the_shipped_files_are_read():
    assert read_config(PROJECT_ROOT / "config" / "experiments.yml", Experiments).experiments
    assert read_config(PROJECT_ROOT / "config" / "measurement.yml", MeasurementConfig).report_days == 400


def test_an_experiment_that_has_not_begun_is_no_row_of_the_night():
    assert [row["experiment_id"] for row in rows(date(2026, 1, 4))] == []
    assert [row["experiment_id"] for row in rows(date(2026, 1, 5))] == ["held"]


def test_a_row_says_all_that_decides_who_is_in_which_arm():
    held, beside = rows(date(2026, 1, 6))
    assert (held["kind"], held["scenarios"], held["layer_salt"], held["holdout_salt"]) == ("holdout", None, None, None)
    assert (beside["scenarios"], beside["layer_salt"]) == (["home", "cart"], "layer:lists")
    assert (beside["slice_from"], beside["slice_to"], beside["holdout_salt"], beside["holdout_share"]) == (
        0.25, 0.5, "salt", 0.1,
    )  # fmt: skip
    assert held["cap_quantile"] == beside["cap_quantile"] == 0.9
