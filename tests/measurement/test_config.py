from datetime import date

import pytest

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.measurement.config import Experiment, Experiments, MeasurementConfig
from perso_pipeline.measurement.settings_tables import experiments_table
from perso_pipeline.settings import PROJECT_ROOT


def test_the_shipped_files_are_read():
    assert read_config(PROJECT_ROOT / "config" / "experiments.yml", Experiments).experiments
    assert read_config(PROJECT_ROOT / "config" / "measurement.yml", MeasurementConfig).report_days == 400


def test_the_arm_of_a_visitor_is_sticky_and_as_frequent_as_promised():
    experiment = Experiment(id="x", salt="salt", holdout_share=0.1, starts_on=date(2026, 1, 1))
    arms = [experiment.arm_of(f"v{number}") for number in range(20_000)]
    assert arms == [experiment.arm_of(f"v{number}") for number in range(20_000)]
    assert arms.count("control") == pytest.approx(2000, abs=130)  # 3 standard errors of 42
    other = experiment.model_copy(update={"salt": "other"})
    assert any(arm != other.arm_of(f"v{number}") for number, arm in enumerate(arms[:100]))


def test_two_experiments_at_a_time_are_refused_with_file_and_names(tmp_path):
    path = tmp_path / "experiments.yml"
    path.write_text(
        "experiments:\n"
        "  - {id: a, salt: aaaa, holdout_share: 0.1, starts_on: 2026-01-01}\n"
        "  - {id: b, salt: bbbb, holdout_share: 0.1, starts_on: 2026-02-01}\n"
    )
    with pytest.raises(ConfigError, match=r"experiments\.yml.*'a' must end \(ends_on\) before 'b' starts"):
        read_config(path, Experiments)


def test_an_experiment_that_has_not_begun_is_no_row_of_the_night():
    experiment = Experiment(id="x", salt="salt", holdout_share=0.1, starts_on=date(2026, 1, 5))
    assert experiments_table(Experiments(experiments=(experiment,)), date(2026, 1, 4)).num_rows == 0
    assert experiments_table(Experiments(experiments=(experiment,)), date(2026, 1, 5)).num_rows == 1
