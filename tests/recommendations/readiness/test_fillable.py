"""What cannot be full is known before the night."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from perso_pipeline.recommendations.listings.config import Listings
from perso_pipeline.recommendations.readiness.fillable import (
    newest_catalogue,
    problems_of_catalogue,
    problems_of_listings,
)
from perso_pipeline.recommendations.scenarios import Scenarios

NIGHT = date(2026, 3, 10)


def scenarios(**more: Any) -> Scenarios:
    one = {"id": "home", "name": "Home", "subject": "person", "size": 3, "levels": [{"strategy": "catalogue"}], **more}
    return Scenarios.model_validate({"scenarios": [one]})


def _fill(shop) -> None:
    """Five items: one sold out, one content, two variants of one thing; all in home, brand Alder."""
    shop.add(
        "profiles.item_profiles",
        {"item_id": "a"},
        {"item_id": "b1", "parent_item_id": "b"},
        {"item_id": "b2", "parent_item_id": "b"},
        {"item_id": "c", "item_type": "content"},
        {"item_id": "d", "stock": 0, "is_available": False, "category_path": "home/mugs", "brand": "Alder"},
    )


@pytest.fixture
def shop(copy_of):
    return copy_of("fillable", _fill)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"filters": ["sold_out"]}, None),  # a, b1, b2, c
        ({"filters": ["sold_out", "content"]}, None),
        ({"filters": ["sold_out", "content", "variants"]}, "of 5 items of shop-uk on 2026-03-10 only 2 may stand there (taken off: content 1, sold_out 1)"),
        ({"filters": ["same_item", "sold_out", "content"], "subject": "item"}, "only 2 may stand there"),
        ({"size": 20}, "has 20 places, but of 5 items of shop-uk on 2026-03-10 only 5 may stand there (taken off: none)"),
        ({"sites": ["shop-de"]}, "names site 'shop-de', whose catalogue of 2026-03-10 is empty"),
    ],
)  # fmt: skip
def test_a_list_with_more_places_than_items_that_pass_its_filters_is_found(shop, more, said) -> None:
    found = list(problems_of_catalogue(shop, scenarios(**more), night=NIGHT))
    assert [problem.is_certain for problem in found] == ([] if said is None else [True])
    assert said is None or said in found[0].text


def test_names_that_no_catalogue_has_are_found_by_line_with_the_nearest(shop, tmp_path: Path) -> None:
    text = (
        "categories:\n"
        "  - {category: hme, strategy: trending}\n"
        "  - category: home\n"
        "    rules:\n"
        "      - {id: x, action: hide, brands: [Aldr, Alder]}\n"
        "      - {id: y, action: pin, position: 1, items: [a, zz]}\n"
        "      - {id: z, action: boost, subcategories: [home/mug]}\n"
    )
    (tmp_path / "listings.yml").write_text(text, encoding="utf-8")
    import yaml

    listings = Listings.model_validate(yaml.safe_load(text))
    assert [problem.text for problem in problems_of_listings(shop, listings, tmp_path, night=NIGHT)] == [
        "listings.yml line 2: categories.0.category: 'hme' is no category in the catalogue of any site on 2026-03-10 (did you mean 'home'?).",
        "listings.yml line 5: categories.1.rules.0.brands.0: 'Aldr' is not in 'home' in the catalogue of any site on 2026-03-10 (did you mean 'Alder'?).",
        "listings.yml line 6: categories.1.rules.1.items.1: 'zz' is not in 'home' in the catalogue of any site on 2026-03-10.",
        "listings.yml line 7: categories.1.rules.2.subcategories.0: 'home/mug' is not in 'home' in the catalogue of any site on 2026-03-10 (did you mean 'home/mugs'?).",
    ]


def test_before_the_first_night_there_is_no_catalogue_to_hold_against(shop) -> None:
    assert newest_catalogue(shop) == NIGHT
    shop.run("delete from profiles.item_profiles")
    assert newest_catalogue(shop) is None
