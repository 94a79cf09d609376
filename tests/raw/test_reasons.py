"""Every reason for which a record is rejected, and what is let pass."""

import pytest

from perso_pipeline.contracts.streams import STREAMS

from .conftest import Installation, view

_WORDS = ", ".join(STREAMS["storefront_events"]["event_type"].words)
CASES = {
    "not JSON": ("nothing", "the line is not JSON: 'nothing'"),
    "JSON cut short": ('{"event_id": "e1"', "the line is not JSON: '{\"event_id\": \"e1\"'"),
    "lone surrogate": ('{"event_id": "\\ud800"}', "the line is not JSON: '{\"event_id\": \"\\ud800\"}'"),
    "not an object": ("[1]", "the line is not a JSON object: '[1]'"),
    "a bare text": ('"x"', "the line is not a JSON object: '\"x\"'"),
    "missing key": (view(event_id=...), "event_id is missing"),
    "empty key": (view(event_id=""), "event_id is missing"),
    "null key": (view(visitor_id=None), "visitor_id is missing"),
    "an object where text belongs": (view(item_id={"a": 1}), "item_id is '{\"a\":1}', must be text"),
    "half a piece": (view(quantity=1.5), "quantity is '1.5', must be a whole number"),
    "too large a number": (view(quantity=10**30), f"quantity is '{10**30}', must be a whole number"),
    "NaN": ('{"event_id":"e1","event_type":"page_view","occurred_at":"2026-01-01","site_id":"uk","visitor_id":"v","price":NaN}',
            "price is 'NaN', must be a number of at most 14 digits before the point"),
    "a word for a number": (view(price="abc"), "price is 'abc', must be a number of at most 14 digits before the point"),
    "no boolean": (view(is_success="perhaps"), "is_success is 'perhaps', must be true or false"),
    "no time": (view(occurred_at="yesterday"), "occurred_at is 'yesterday', must be a time like 2026-01-31T12:00:00Z"),
    "a day that is none": (view(occurred_at="2026-02-30"), "occurred_at is '2026-02-30', must be a time like 2026-01-31T12:00:00Z"),
    "infinity": (view(occurred_at="infinity"), "occurred_at is 'infinity', must be a time like 2026-01-31T12:00:00Z"),
    "seconds since 1970": (view(occurred_at=1767268800), "occurred_at is '[phone]', must be a time like 2026-01-31T12:00:00Z"),
    "unknown event type": (
        view(event_type="produkt_view"),
        f"event_type is 'produkt_view' (did you mean product_view?), must be one of: {_WORDS}",
    ),
    "unlike any event type": (view(event_type="42"), f"event_type is '42', must be one of: {_WORDS}"),
    "below the minimum": (view(quantity=-3), "quantity is -3, must be at least 0"),
    "above the maximum": (view(percentage=101), "percentage is 101, must be at most 100"),
    "what the event type needs": (view(event_type="product_view"), "item_id is missing, product_view needs it"),
    "unknown site": (view(site_id="fr"), "site_id is 'fr', which config/sites.yml does not list; add it there and replay"),
    "long ago": (view(occurred_at="1994-12-31T23:59:59Z"), "occurred_at is 1994-12-31 23:59:59, before 1995-01-01"),
    "later than the day after arrival": (
        view(occurred_at="2026-01-04T00:00:00Z"),
        "occurred_at is 2026-01-04 00:00:00, later than the day after its arrival on 2026-01-02",
    ),
    "NUL in a key": (view(event_id="a\0b"), "event_id holds a control character"),
    "line break in an id": (view(item_id="a\nb"), "item_id holds a control character"),
    "endless id": (view(visitor_id="v" * 4097), "visitor_id is 4097 characters long, at most 4096 are allowed"),
    "first of several faults": (view(event_id="", quantity=-1), "event_id is missing"),
    "a long value is cut": (view(price="9" * 200), f"price is '{'9' * 80}…', must be"),
    "SQL for a site": (view(site_id="'; drop table raw.sites; --"), "site_id is ''; drop table raw.sites; --', which"),
}  # fmt: skip


@pytest.fixture(scope="module")
def rejected(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """Reason by line; all cases in one file, because a load takes half a second."""
    shop = Installation(tmp_path_factory.mktemp("rejected"))
    shop.deliver_json("storefront_events", [record for record, _ in CASES.values()])
    report = shop.load("storefront_events")
    assert (report.accepted, report.rejected) == (0, len(CASES))
    return dict(shop.rows("select line, reason from raw.rejected_records"))


@pytest.mark.parametrize("case", CASES)
def test_a_broken_record_is_rejected_with_one_clear_sentence(rejected: dict[int, str], case: str) -> None:
    assert rejected[list(CASES).index(case) + 1].startswith(CASES[case][1])


def test_rejected_records_keep_file_line_and_text(shop: Installation) -> None:
    shop.deliver_json("storefront_events", [view(), "", '{"event_id": "e2"}'])

    shop.load("storefront_events")

    assert shop.rows("select stream, file, line, reason, text from raw.rejected_records") == [
        ("storefront_events", "storefront_events/2026-01-02/a.jsonl", 3, "event_type is missing", '{"event_id": "e2"}')
    ]


ACCEPTED = {
    "offset": ({"occurred_at": "2026-01-01T12:00:00+02:00"}, "occurred_at::varchar", "2026-01-01 10:00:00"),
    "no zone means UTC": ({"occurred_at": "2026-01-01 12:00"}, "occurred_at::varchar", "2026-01-01 12:00:00"),
    "microseconds": ({"occurred_at": "2026-01-01T12:00:00.1234567Z"}, "occurred_at::varchar", "2026-01-01 12:00:00.123456"),
    "number as text": ({"quantity": " 3 "}, "quantity", 3),
    "whole float": ({"quantity": 3.0}, "quantity", 3),
    "decimal": ({"price": "1e2"}, "price::varchar", "100.0000"),
    "number for an id": ({"item_id": 42}, "item_id", "42"),
    "empty text is absent": ({"quantity": "", "item_id": ""}, "quantity is null and item_id is null", True),
    "formula stays text": ({"item_id": "=cmd|' /C calc'!A0"}, "item_id", "=cmd|' /C calc'!A0"),
    "quotes stay text": ({"item_id": "'; drop table raw.sites; --"}, "item_id", "'; drop table raw.sites; --"),
    "boolean as text": ({"is_success": "true"}, "is_success", True),
    "end of the day after arrival": ({"occurred_at": "2026-01-03T23:59:59.9Z"}, "event_date::varchar", "2026-01-03"),
    "day in the site's zone": ({"occurred_at": "2026-01-01T07:59:59Z", "site_id": "la"}, "event_date::varchar", "2025-12-31"),
    "robot": ({"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, "is_robot", True),
    "no user agent": ({}, "is_robot", False),
    "a telephone called Cubot": ({"user_agent": "Mozilla/5.0 (Linux; CUBOT NOTE 20)"}, "is_robot", False),
    "unknown fields": ({"new": {"a": 1}, "none": None}, "payload::varchar", '{"new":{"a":1}}'),
    "no unknown field": ({}, "payload is null", True),
}  # fmt: skip


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    shop = Installation(tmp_path_factory.mktemp("accepted"))
    shop.deliver_json("storefront_events", [view(**changes) for changes, _, _ in ACCEPTED.values()])
    shop.load("storefront_events")
    assert shop.reasons() == []
    return shop


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_is_accepted_becomes(accepted: Installation, case: str) -> None:
    _, column, value = ACCEPTED[case]

    found = accepted.rows(f"select {column} from raw.storefront_events where line = ?", list(ACCEPTED).index(case) + 1)

    assert found == [(value,)]


LISTS = {
    "array": (["a", "b"], ["a", "b"]), "bars": ("a|b", ["a", "b"]), "array in text": ('["a","b"]', ["a", "b"]),
    "one": ("a", ["a"]), "numbers": ([1, 2], ["1", "2"]), "nothing served": ([], []),
}  # fmt: skip


@pytest.mark.parametrize(("delivered", "kept"), LISTS.values(), ids=LISTS.keys())
def test_lists_are_taken_as_array_or_between_bars(shop: Installation, delivered: object, kept: list[str]) -> None:
    served = view(event_type="served", request_id="r", scenario_id="home", variant="treatment", item_ids=delivered)
    shop.deliver_json("recommendation_events", [served])

    shop.load("recommendation_events")

    assert shop.reasons() == []
    assert shop.rows("select item_ids from raw.recommendation_events") == [(kept,)]


@pytest.mark.parametrize("items", [["a", None], ["a", ""], "a||b", {"a": 1}, '["a"'], ids=repr)
def test_a_list_with_a_hole_is_rejected_because_slots_would_move(shop: Installation, items: object) -> None:
    served = view(event_type="served", request_id="r", scenario_id="home", variant="treatment", item_ids=items)
    shop.deliver_json("recommendation_events", [served])

    shop.load("recommendation_events")

    [reason] = shop.reasons()
    assert reason.startswith("item_ids is ")
    assert reason.endswith("must be a list of texts without empty ones")
