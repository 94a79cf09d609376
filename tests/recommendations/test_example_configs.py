"""The example configs are read as the product reads them, and make lists of a small shop."""

import shutil
from pathlib import Path

import pytest

from perso_pipeline.operation.config import CONFIG_READERS, config_warnings
from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.levels import Subject
from perso_pipeline.recommendations.scenarios import read_scenarios
from perso_pipeline.settings import PROJECT_ROOT
from tests.recommendations.conftest import NIGHT

EXAMPLES = PROJECT_ROOT / "config" / "examples"


@pytest.fixture(params=sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The project's config with the two files of an example in place of its own."""
    whole = tmp_path / "config"
    shutil.copytree(PROJECT_ROOT / "config", whole, ignore=shutil.ignore_patterns("examples"))
    for file in (EXAMPLES / request.param).iterdir():
        shutil.copy(file, whole)
    return whole


def test_an_example_fits_and_its_rules_agree(folder: Path) -> None:
    for name in ("scenarios.yml", "merchandising.yml"):
        CONFIG_READERS[name](folder)
    dry = "does not end with 'catalogue'"
    assert [warning for warning in config_warnings(folder) if dry not in warning] == []


def test_an_example_makes_lists_of_every_placement(folder: Path, copy_of) -> None:
    shop = copy_of("examples", _fill)
    scenarios = read_scenarios(folder)
    made = compose(shop, scenarios, night=NIGHT)
    rows = made.recommendations.to_pylist()
    assert {row["scenario_id"] for row in rows} == {scenario.id for scenario in scenarios.scenarios}
    types = {row["item_id"]: row["item_id"][0] for row in rows}
    for scenario in scenarios.scenarios:
        wanted = {"product": "p", "content": "c"}[scenario.output_types[0]]
        assert {types[row["item_id"]] for row in rows if row["scenario_id"] == scenario.id} == {wanted}
    by_page: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        page = scenarios[row["scenario_id"]].page
        if page:
            by_page.setdefault((page, row["subject_id"]), []).append(row["item_id"])
    assert all(len(set(items)) == len(items) for items in by_page.values())
    assert {row["subject_type"] for row in rows} == {
        "anyone", *(str(s.subject) for s in scenarios.scenarios if s.subject is not Subject.NONE)
    }  # fmt: skip


def _fill(shop) -> None:
    products = [f"p{n:02d}" for n in range(30)]
    articles = [f"c{n:02d}" for n in range(30)]
    shop.add("identity.identity_map", {"identifier": "customer:1", "person_id": "ann"})
    shop.add("profiles.customer_profiles", {"person_id": "ann", "preferred_category": "a/b"}, {"person_id": "bob"})
    shop.add("segments.segment_membership", {"person_id": "bob", "segment_id": "lapsed"})
    for kind, ids in (("product", products), ("content", articles)):
        shop.add(
            "profiles.item_profiles",
            *(
                {
                    "item_id": item, "item_type": kind, "views_28d": 100 - n, "purchases_28d": n % 7, "price": 10 + n,
                    "category_path": ("a/b", "a/c", "d")[n % 3], "brand": f"brand{n % 5}", "margin_band": "low" if n % 4 else "high",
                    "stock": 5 if kind == "product" else None,
                }
                for n, item in enumerate(ids)
            ),
        )  # fmt: skip
    shop.run("update profiles.item_profiles set first_seen_date = night - 10, has_high_returns = item_id = 'p03'")
    shop.add("models.submodels", {"submodel": "segment", "submodel_group": "lapsed"})
    anyone = {"task": "personal", "subject_type": "anyone", "subject_id": "anyone"}
    shop.add(
        "models.candidates",
        *(
            {**anyone, "model": model, "item_id": item, "score": 1 - n / 100}
            for model in ("popular", "trending", "recently_added")
            for n, item in enumerate([*products[:9], *articles[:9]])
        ),
    )
    event = {"identifier": "customer:1", "occurred_at": f"{NIGHT} 12:00:00"}
    shop.add(
        "interactions.interactions",
        *({**event, "event_type": "product_view", "item_id": i} for i in (*products[15:], *articles[15:])),
    )
    shop.add("interactions.order_movements", {**event, "item_id": "p21"})
    shop.add("interactions.session_events", {"event_id": "1", "cart_id": "k1", "item_id": "p01"})
