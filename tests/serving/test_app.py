from datetime import date

import pytest

from perso_pipeline.recommendations.publish import rollback

NIGHT = date(2026, 3, 10)
NEXT = date(2026, 3, 11)


def test_before_the_first_publication_every_question_is_answered_with_what_to_do(get) -> None:
    for parts in (("health",), ("recommendations", "shop-uk", "home"), ("people", "shop-uk", "ann")):
        status, body = get(*parts)
        assert status == 503
        assert "run a night with 'perso run' first" in body["detail"]


def test_health_says_which_night_is_published(get, put_out) -> None:
    version = put_out(NIGHT)
    assert get("health") == (
        200,
        {"status": "ok", "version": version, "night": "2026-03-10",
         "tables": {"profiles.customer_profiles": 1, "recommendations.recommendations": 15, "segments.segment_membership": 2}},
    )  # fmt: skip


def test_a_known_person_gets_their_own_list_in_order(get, put_out) -> None:
    version = put_out(NIGHT)
    status, body = get("recommendations", "shop-uk", "home", subject="ann", limit=2)
    assert status == 200
    assert (body["origin"], body["subject"], body["version"]) == ("subject", "ann", version)
    assert [(i["rank"], i["item_id"], i["level"]) for i in body["items"]] == [(1, "ann 1", 1), (2, "ann 2", 1)]


@pytest.mark.parametrize("query", [{"subject": "nobody"}, {"subject": "' or 1=1 --"}, {}])
def test_somebody_unknown_gets_the_list_of_everybody_and_the_answer_says_so(get, put_out, query) -> None:
    put_out(NIGHT)
    _, body = get("recommendations", "shop-uk", "home", **query)
    assert body["origin"] == "anyone"
    assert [i["item_id"] for i in body["items"]] == ["* 1", "* 2", "* 3"]


def test_an_item_whose_id_is_a_star_is_not_taken_for_everybody(get, put_out) -> None:
    put_out(NIGHT)
    _, own = get("recommendations", "shop-uk", "product", subject="*")
    _, others = get("recommendations", "shop-uk", "product", subject="x")
    assert (own["origin"], {i["level"] for i in own["items"]}) == ("subject", {1})
    assert (others["origin"], {i["level"] for i in others["items"]}) == ("anyone", {2})


def test_an_id_with_quotes_and_slashes_is_found(get, put_out) -> None:
    put_out(NIGHT)
    _, body = get("recommendations", "shop-uk", "home", subject='o\'br/ien "x"')
    assert body["origin"] == "subject"


def test_a_person_has_profile_and_segments(get, put_out) -> None:
    version = put_out(NIGHT)
    status, body = get("people", "shop-uk", "ann")
    assert (status, body["version"], body["segments"]) == (200, version, ["new", "vip"])
    assert body["profile"]["person_id"] == "ann"
    assert float(body["profile"]["net_revenue"]) == 12.5


@pytest.mark.parametrize(
    ("parts", "query", "status", "said"),
    [
        (("recommendations", "shop-uk", "hom"), {}, 404, "there are lists for shop-uk/home, shop-uk/product."),
        (("recommendations", "shop-fr", "home"), {}, 404, "There are no lists for shop-fr/home"),
        (("people", "shop-uk", "bob"), {}, 404, "There is no person 'bob' on shop-uk"),
        (("recommendations", "shop-uk", "home"), {"limit": 0}, 422, "limit:"),
        (("recommendations", "shop-uk", "home"), {"limit": "many"}, 422, "limit:"),
        (("recommendations", "SHOP;drop", "home"), {}, 422, "site_id:"),
        (("recommendations", "shop-uk", "home"), {"subject": "a\0b"}, 422, "subject:"),
        (("recommendations", "shop-uk", "home"), {"subject": "x" * 300}, 422, "subject:"),
    ],
)
def test_a_wrong_question_is_answered_in_one_sentence(get, put_out, parts, query, status: int, said: str) -> None:
    put_out(NIGHT)
    got, body = get(*parts, **query)
    assert got == status
    assert said in body["detail"]
    assert body["detail"].endswith(".")


def test_answers_follow_the_swap_and_the_rollback_without_a_restart(get, put_out, tmp_path) -> None:
    first = put_out(NIGHT)
    assert get("health")[1]["version"] == first
    second = put_out(NEXT)
    assert get("health")[1]["version"] == second
    assert get("recommendations", "shop-uk", "home")[1]["version"] == second
    rollback(tmp_path / "published")
    assert get("health")[1]["version"] == first
