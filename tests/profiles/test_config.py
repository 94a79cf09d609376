"""What ``config/profiles.yml`` may say, and what is said where it may not."""

from datetime import date

import pytest
import yaml

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.profiles.config import ProfilesConfig
from perso_pipeline.profiles.settings_table import settings_table
from perso_pipeline.settings import PROJECT_ROOT

CONFIG = PROJECT_ROOT / "config" / "profiles.yml"
NIGHT = date(2026, 1, 2)


def changed(tmp_path, *keys, to):
    content = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    block = content
    for key in keys[:-1]:
        block = block[key]
    block[keys[-1]] = to
    path = tmp_path / "profiles.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def places(config, attribute):
    rows = settings_table(config, NIGHT).to_pylist()
    return {row["detail"]: row["number"] for row in rows if (row["topic"], row["name"]) == ("precedence", attribute)}


def test_a_trusted_source_has_its_place_and_the_newest_have_none():
    config = read_config(CONFIG, ProfilesConfig)
    assert places(config, "loyalty_tier") == {"crm": 0, "pos": 1, "*": 2}
    assert places(config, "eligibility") == {"*": 0}


def test_consent_that_is_left_out_is_the_newest_statement_all_the_same(tmp_path):
    content = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    del content["attributes"]["has_email_consent"]
    assert places(ProfilesConfig.model_validate(content), "has_email_consent") == {"*": 0}


@pytest.mark.parametrize(
    ("keys", "to", "sentence"),
    [
        (("attributes", "has_email_consent", "rule"), "trusted", "a withdrawal counts whoever passes it on"),
        (("attributes", "country", "sources"), ["crm", "crm"], "source 'crm' is listed twice"),
        (("affinities", "half_life_days"), {"brand": 30}, "half_life_days lacks category, price_band"),
        (("affinities", "event_weights", "purchase"), -1, "purchase must be more than 0"),
        (("item_segments", "steady_units_per_week"), 9, "must be less than fast_units_per_week"),
        (("item_segments", "low_margin_rate"), 0.6, "must be less than high_margin_rate"),
    ],
    ids=["consent by trust", "a source twice", "a kind without half-life", "a weight below 0", "steady above fast", "low above high"],
)  # fmt: skip
def test_a_slip_is_named_with_file_and_key(tmp_path, keys, to, sentence):
    with pytest.raises(ConfigError, match=r"profiles\.yml line \d+") as caught:
        read_config(changed(tmp_path, *keys, to=to), ProfilesConfig)
    assert sentence in str(caught.value)
