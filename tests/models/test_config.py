import json
import shutil
from typing import get_args

import pytest

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.models.inputs import site_configs
from perso_pipeline.models.names import ModelName
from perso_pipeline.models.roster import ALL
from perso_pipeline.settings import PROJECT_ROOT


@pytest.fixture
def folder(tmp_path):
    for name in ("sites.yml", "models.yml"):
        shutil.copy(PROJECT_ROOT / "config" / name, tmp_path)
    return tmp_path


def rewrite(folder, old, new):
    path = folder / "models.yml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_site_keeps_the_general_values_it_does_not_override(folder):
    rewrite(folder, "sites: {}", "sites:\n  shop-de:\n    als: {factors: 32}")
    configs = site_configs(folder)
    assert configs["shop-de"].als.factors == 32
    assert configs["shop-de"].als.alpha == configs["shop-uk"].als.alpha
    assert configs["shop-uk"].als.factors == 64
    assert configs["shop-de"].digest != configs["shop-uk"].digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  factors: 64", "  facters: 64", r"line \d+: als.facters: there is no such key"),
        ("  factors: 64", "  factors: 64\n  facters: 3", "did you mean 'factors'"),
        ("  half_life_days: 30", "  half_life_days: -1", "signals.half_life_days"),
        ("    purchase: 8", "    purchases: 8", "purchases"),
        ("  short_days: 3", "  short_days: 30", r"short_days \(30\) must be less than long_days"),
        ("sites: {}", "sites: {shop-uk: {als: {factor: 3}}}", "factor"),
        ("sites: {}", "sites: {shop-ukk: {als: {factors: 3}}}", "did you mean 'shop-uk'"),
        ("  cutoffs: [5, 10, 20]", "  cutoffs: [5]", "must contain 10"),
        ("race: [popular, ", "race: [", "race must contain popular"),
        ("item_knn, rp3beta, als]", "rp3beta, als]", "race must contain item_knn"),
        ("race: [popular, ", "race: [popular, trending, ", "race names trending more than once"),
        ("race: [popular, ", "race: [easy, popular, ", "race"),
        ("  sharpening: 2.5", "  sharpening: 3", "bspm.sharpening"),
        ("  items: []", "  items: [a, b, a]", "'a' stands in items more than once"),
        ("{bspm: 1, als: 2}", "{bspm: 1, popular: 2}", "popular"),
    ],
)
def test_a_mistake_in_the_file_is_named(folder, old, new, message):
    rewrite(folder, old, new)
    with pytest.raises(ConfigError, match=message):
        site_configs(folder)


def test_the_gates_know_every_model():
    for table, none in (("champions", {"random"}), ("model_evaluations", set())):
        suite = json.loads((PROJECT_ROOT / "expectations" / f"models.{table}.json").read_text())
        (names,) = [
            e["kwargs"]["value_set"]
            for e in suite["expectations"]
            if e["kwargs"].get("column") == "model" and "value_set" in e["kwargs"]
        ]
        assert set(names) == set(ALL) - none
    assert set(ALL) == set(get_args(ModelName))
