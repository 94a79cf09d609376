"""What ``perso doctor`` reads: files that fit by themselves and not together."""

import shutil

import pytest

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.operation.config import CONFIG_READERS
from perso_pipeline.settings import PROJECT_ROOT


def test_a_scenario_that_names_a_submodel_models_yml_does_not_have_is_found_before_the_night(tmp_path):
    folder = tmp_path / "config"
    shutil.copytree(PROJECT_ROOT / "config", folder)
    assert CONFIG_READERS["scenarios.yml"](folder)
    path = folder / "scenarios.yml"
    path.write_text(path.read_text().replace("submodel: segment", "submodel: segmant"))
    with pytest.raises(ConfigError, match=r"scenario 'home' names submodel 'segmant'.*did you mean 'segment'"):
        CONFIG_READERS["scenarios.yml"](folder)


def test_an_experiment_on_a_scenario_that_is_not_there_is_found_before_nobody_is_served(tmp_path):
    folder = tmp_path / "config"
    shutil.copytree(PROJECT_ROOT / "config", folder)
    assert CONFIG_READERS["experiments.yml"](folder)
    path = folder / "experiments.yml"
    path.write_text(path.read_text().replace("scenarios: [product]", "scenarios: [prodcut]"))
    with pytest.raises(ConfigError, match=r"'product-control' names scenario 'prodcut'.*did you mean 'product'"):
        CONFIG_READERS["experiments.yml"](folder)
