"""What a person sees and why, told from the stored lists."""

import io
from datetime import date

import pytest
from rich.console import Console

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.operation.preview_view import show_preview
from perso_pipeline.recommendations.readiness import words
from perso_pipeline.recommendations.readiness.preview import Page, preview
from perso_pipeline.recommendations.scenarios import Scenarios
from tests.recommendations.readiness.conftest import NIGHT, SCENARIOS


def page(shop, who: str, scenario: str) -> Page:
    [site] = preview(shop, SCENARIOS, who).sites
    return next(page for page in site.pages if page.scenario_id == scenario)


@pytest.mark.parametrize("who", ["ann", "C100", "v1", "customer:C100"])
def test_a_person_is_found_by_any_of_their_names(composed, who) -> None:
    assert preview(composed, SCENARIOS, who).person_id == "ann"


def test_each_place_says_its_level_model_and_words(composed) -> None:
    slots = page(composed, "ann", "home").slots
    assert [(s.item_id, s.name, s.level, s.strategy, s.model) for s in slots] == [
        ("b", "The b", 1, "personal", "als"), ("e", "The e", 1, "personal", "als"),
    ]  # fmt: skip
    assert words.why(slots[0], page(composed, "ann", "home")) == "picked for them"
    assert words.source(slots[0]) == "level 1 of 2, als 1"


def test_what_was_left_out_is_named_with_the_rule(composed) -> None:
    assert words.removed(page(composed, "ann", "home")) == [
        "they do not want to see it: The d", "sold out: The x",
    ]  # fmt: skip


def test_an_item_page_is_that_of_the_item_they_saw_last_and_were_known_to_see(composed) -> None:
    product = page(composed, "ann", "product")
    assert words.heading(product) == "Like it ('product') beside the item they saw last, The a"
    assert product.slots[0].origins == ("The a",)
    assert words.why(product.slots[0], product) == "met by the same people"  # the heading says of what


def test_a_search_page_is_that_of_their_last_search(composed) -> None:
    search = page(composed, "ann", "search")
    assert search.subject == "mug"
    assert [s.strategy for s in search.slots] == ["searched_then_bought", "catalogue"]


def test_who_has_no_such_thing_sees_what_everybody_unknown_sees(composed) -> None:
    product = page(composed, "bob", "product")
    assert product.subject is None
    assert product.occasion == "as everybody unknown sees it: no item known"


def test_lists_of_a_category_a_segment_and_of_nobody_are_theirs_too(composed) -> None:
    kinds = {"category": "home", "segment": "loyal", "none": "*"}
    more = [
        {"id": kind, "name": kind, "subject": kind, "size": 1, "levels": [{"strategy": "catalogue"}]} for kind in kinds
    ]
    scenarios = Scenarios.model_validate({"scenarios": more})
    composed.run(
        "insert into recommendations.recommendations by name "
        "select date '2026-03-10' as night, 'shop-uk' as site_id, scenario_id, subject_type, subject_id, 1 as rank, 'a' as item_id, "
        "1.0 as score, 1 as level, 'catalogue' as strategy, 'item_profiles' as model, '1' as model_version, false as is_fallback "
        "from (values ('category', 'category', 'home'), ('segment', 'segment', 'loyal'), ('none', 'anyone', '*')) "
        "t(scenario_id, subject_type, subject_id)"
    )
    [site] = preview(composed, scenarios, "ann").sites
    assert [words.heading(page) for page in site.pages] == [
        "category ('category') in the category of the item they saw last, home",
        "segment ('segment') for their segment, loyal",
        "none ('none') the same for everybody",
    ]


def test_menu_and_category_page_are_theirs_else_everybodys(composed) -> None:
    [ann], [bob] = (preview(composed, SCENARIOS, who).sites for who in ("ann", "bob"))
    assert words.menu(ann) == "Menu: food, home; a visit may begin in food."
    assert words.menu(bob) == "Menu: home."
    assert words.category(ann.category) == "Category page 'food' (trending): The a, The b."
    assert ann.category.items[0][2] == "rule pin-a"


def test_anyone_is_a_person_too(composed) -> None:
    seen = preview(composed, SCENARIOS, "anyone")
    assert [slot.item_id for slot in seen.sites[0].pages[0].slots] == ["a", "b"]
    assert words.about(seen.sites[0]) == "shop-uk: not known here; sees what everybody unknown sees."


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"who": "C101"}, "Nobody is known as 'C101' on 2026-03-10; the nearest known is 'C100'"),
        ({"who": "ann", "site_id": "shop-ku"}, r"no lists for site 'shop-ku' \(did you mean 'shop-uk'\?\) on 2026-03-10; there are lists for shop-uk."),
        ({"who": "ann", "as_of": date(2026, 3, 9)}, "no lists of 2026-03-09 or before; the first night with lists is 2026-03-10"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_one_sentence_with_what_is(composed, asked, said) -> None:
    with pytest.raises(PersoError, match=said):
        preview(composed, SCENARIOS, **asked)


def test_a_day_after_the_last_night_shows_the_last_night(composed) -> None:
    assert preview(composed, SCENARIOS, "ann", as_of=date(2026, 4, 1)).night == NIGHT


def test_the_terminal_shows_all_of_it(composed) -> None:
    out = Console(file=io.StringIO(), width=200)
    show_preview(preview(composed, SCENARIOS, "ann"), out)
    text = out.file.getvalue()
    for expected in (
        "ann as of the night 2026-03-10", "shop-uk: active, 3 orders, last seen 2026-03-10, segment loyal.",
        "For you ('home') for this person", "left out, sold out: The x", "filters over the list: sold_out, blocked",
        "picked for them (level 1 of 2, als 1)",
    ):  # fmt: skip
        assert expected in text


def test_before_the_first_night_the_way_to_it_is_said(shop) -> None:
    with pytest.raises(PersoError, match="No night has made lists yet; run one with 'perso run' first"):
        preview(shop, SCENARIOS, "ann")
