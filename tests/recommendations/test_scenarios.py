from pathlib import Path

import pytest

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.recommendations.scenarios import Scenario, read_scenarios

ROOT = Path(__file__).parents[2]
SITES = "sites:\n  - {id: shop-uk, name: UK, timezone: Europe/London, currency: GBP}\n"


def _config(folder: Path, scenario: str) -> Path:
    (folder / "sites.yml").write_text(SITES)
    (folder / "scenarios.yml").write_text(f"scenarios:\n  - {{id: home, name: Home, size: 3, {scenario}}}\n")
    return folder


def test_the_shipped_scenarios_are_valid_and_end_in_a_level_that_is_always_full() -> None:
    scenarios = read_scenarios(ROOT / "config").scenarios
    assert [s.id for s in scenarios] == ["home", "product", "cart", "search"]
    assert {s.levels[-1].strategy for s in scenarios} == {"catalogue"}


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("subject: person, levels: [{strategy: personl}]", "scenarios.yml line 2: scenarios.0.levels.0.strategy"),
        ("subject: person, levels: [{strategy: popular}], fliters: []", "did you mean 'filters'?"),
        ("subject: item, levels: [{strategy: personal}]", "'personal' needs subject person, not item"),
        ("subject: item, levels: [{strategy: popular}], filters: [bought]", "'bought' needs subject cart or person"),
        ("subject: person, levels: [{strategy: popular}, {strategy: popular}]", "level 'popular' stands twice"),
        (
            (
                "subject: person, levels: [{mix: [{strategy: popular, share: 1}, {strategy: trending, share: 1}, "
                "{strategy: trending, share: 2}]}]"
            ),
            "'trending' stands twice in a mix",
        ),
        ("subject: person, levels: [{strategy: popular}], is_own_history: true, filters: [bought]", "own history"),
        ("subject: person, levels: [{strategy: popular}], sites: [shop-ku]", "did you mean 'shop-uk'?"),
    ],
)
def test_a_mistake_in_scenarios_yml_is_one_sentence_that_names_it(tmp_path: Path, scenario: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_scenarios(_config(tmp_path, scenario))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_filters_keep_their_order_because_the_first_is_the_one_recorded() -> None:
    scenario = Scenario.model_validate(
        {"id": "h", "name": "H", "subject": "person", "size": 1, "levels": [{"strategy": "popular"}],
         "filters": ["blocked", "sold_out"]}
    )  # fmt: skip
    assert list(scenario.filters) == ["blocked", "sold_out"]
