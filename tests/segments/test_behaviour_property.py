"""Random rules over random people: the SQL and one person at a time in plain Python agree."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perso_pipeline.segments.behaviour import ITEM_EVENTS, TOTALS, VISIT_TOTALS
from perso_pipeline.segments.membership import segment_people
from perso_pipeline.segments.rules import Segments
from tests.segments.naive import holds
from tests.segments.worlds import NIGHT, MemoryWarehouse, at, day, money

SITES = ("uk", "de")
PEOPLE = ("p1", "p2", "p3")
IDENTIFIERS = ("visitor:a", "visitor:b", "customer:c", "customer:d")
ITEMS = ("i1", "i2", "i3")
PATHS = ("home", "home/kitchen", "homeware", "garden's; drop table x", None)
BRANDS = ("Finch", "' or 1=1 --", None)
CHANNELS = ("email", "direct")
DEVICES = ("mobile", "desktop")
SESSIONS = tuple(f"s{n}" for n in range(12))
ORDERS = ("o1", "o2", "o3")

backs = st.integers(min_value=-3, max_value=12)  # days before the night; below zero lies after it
hostile = st.sampled_from(["x'; drop table profiles.customer_profiles; --", '"', "\\", "%", "_"])


def world(seed):
    """A dense small shop: hypothesis shrinks the rules, a seed draws the rows."""
    rng = random.Random(seed)

    def back(least=-2, most=12):
        return rng.randint(least, most)

    def mostly(value, share=0.85):
        return value if rng.random() < share else None

    def known(least=-2):
        return day(rng.choice([12, 12, 12, back(least)]))

    profiles = [
        {"night": NIGHT, "site_id": site, "person_id": person, "orders": float(rng.randint(0, 4)),
         "net_revenue": mostly(rng.choice([-5.0, 0.0, 10.5, 90.0])), "country": mostly(rng.choice(["GB", "DE"])),
         "has_email_consent": mostly(rng.random() < 0.5), "first_order_date": mostly(day(back())),
         "return_rate": mostly(rng.choice([0.0, 0.5]))}
        for site in SITES for person in PEOPLE
    ]  # fmt: skip
    mapped = []
    for identifier in IDENTIFIERS:  # an earlier person until a day, then another from that day on
        turn = back(-2, 6)
        mapped += [
            {"identifier": identifier, "person_id": rng.choice(PEOPLE), "known_on": day(12), "void_on": day(turn)},
            {"identifier": identifier, "person_id": rng.choice(PEOPLE), "known_on": day(turn), "void_on": mostly(day(-3), 0.3)},
        ]  # fmt: skip
    items = [
        {"night": night, "site_id": site, "item_id": item, "category_path": rng.choice(PATHS),
         "brand": rng.choice(BRANDS), "price": mostly(rng.choice([money(5), money(20)]))}
        for night in (NIGHT, day(1)) for site in SITES for item in ITEMS[:2]
    ]  # fmt: skip
    interactions = [
        {"site_id": rng.choice(SITES), "identifier": rng.choice(IDENTIFIERS), "event_type": rng.choice(ITEM_EVENTS[:2]),
         "event_date": day(back()), "session_id": mostly(rng.choice(SESSIONS)), "item_id": rng.choice(ITEMS),
         "quantity": mostly(rng.randint(0, 2)), "amount": mostly(rng.choice([money(10), money(40)])),
         "is_robot": rng.choice([True, None, False, False, False]), "known_on": known()}
        for _ in range(40)
    ]  # fmt: skip
    sessions = [
        {"session_id": session, "site_id": rng.choice(SITES), "identifier": rng.choice(IDENTIFIERS),
         "session_date": day(back()), "duration_seconds": rng.randint(0, 60), "searches": rng.randint(0, 2),
         "channel": rng.choice(CHANNELS), "device_type": mostly(rng.choice(DEVICES)),
         "is_robot": rng.choice([True, None, False, False, False]), "known_on": known()}
        for session in SESSIONS
    ]  # fmt: skip
    events = [
        {"event_id": f"e{n}", "session_id": rng.choice(SESSIONS), "occurred_at": at(back()), "event_date": day(back()),
         "site_id": rng.choice(SITES), "event_type": rng.choice(["checkout_complete", "checkout_complete", "page_view"]),
         "order_id": mostly(rng.choice(ORDERS)), "known_on": known()}
        for n in range(8)
    ]  # fmt: skip
    tastes = [
        {"night": night, "site_id": site, "person_id": person, "kind": kind, "value": value,
         "weight": share * 8, "share": share}
        for night in (NIGHT, day(1)) for site in SITES for person in PEOPLE
        for kind, value in (*(("category", path) for path in PATHS[:4]), ("category_1", "home"), ("brand", BRANDS[0]),
                            ("brand", BRANDS[1]), ("weekday", "monday"))
        if rng.random() < 0.6 for share in [rng.choice([0.125, 0.25, 0.5])]
    ]  # fmt: skip
    return {
        "customer_profiles": profiles, "affinities": tastes, "item_profiles": items, "identity_map": mapped, "interactions": interactions,
        "sessions": sessions, "session_events": events,
        "order_movements": [movement(rng, n, day(back()), known()) for n in range(20)],
    }  # fmt: skip


def movement(rng, number, on, known_on):
    amount, is_sale = money(3 + number), rng.random() < 0.7
    pieces = rng.randint(1, 3)
    return {
        "movement_id": f"m{number}", "site_id": rng.choice(SITES), "order_id": rng.choice(ORDERS),
        "order_line_id": rng.choice("123"), "movement": "sale" if is_sale else "refund", "movement_date": on,
        "order_date": day(rng.randint(-2, 12)), "occurred_at": at(rng.randint(0, 12)),
        "identifier": rng.choice([*IDENTIFIERS, None]), "item_id": rng.choice(ITEMS), "is_goods": rng.random() < 0.8,
        "quantity": pieces if is_sale else -pieces, "gross": amount if is_sale else money(0),
        "net": amount if is_sale else -amount, "refunded": money(0) if is_sale else amount, "known_on": known_on,
    }  # fmt: skip


conditions = st.one_of(
    st.fixed_dictionaries({"attribute": st.just("orders"), "op": st.sampled_from(["is", "is_not", "at_least", "at_most", "more_than", "less_than"]), "value": st.integers(0, 4)}),
    st.fixed_dictionaries({"attribute": st.just("net_revenue"), "op": st.just("between"), "value": st.sampled_from([[-5, 10.5], [0, 0], [10.5, 100]])}),
    st.fixed_dictionaries({"attribute": st.just("country"), "op": st.sampled_from(["is", "is_not"]), "value": st.sampled_from(["GB", "DE"]) | hostile}),
    st.fixed_dictionaries({"attribute": st.just("country"), "op": st.just("in"), "value": st.lists(st.sampled_from(["GB", "FR"]) | hostile, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"attribute": st.sampled_from(["country", "return_rate"]), "op": st.sampled_from(["is_known", "is_unknown"])}),
    st.fixed_dictionaries({"attribute": st.just("has_email_consent"), "op": st.sampled_from(["is", "is_not"]), "value": st.booleans()}),
    st.fixed_dictionaries({"attribute": st.just("first_order_date"), "op": st.just("at_least"), "value": backs.map(day)}),
    st.fixed_dictionaries({"attribute": st.just("site_id"), "op": st.just("is"), "value": st.sampled_from(SITES)}),
)  # fmt: skip
windows = {
    "within_days": st.integers(1, 8),
    "since": backs.map(day),
    "site": st.lists(st.sampled_from(SITES), min_size=1, max_size=2),
}
of_items = {
    "category": st.sampled_from(["home", "home/kitchen", "garden's; drop table x"]) | hostile,
    "brand": st.lists(st.sampled_from(BRANDS[:2]) | hostile, min_size=1, max_size=2), "item": st.sampled_from(ITEMS),
    "price_at_least": st.sampled_from([0, 5, 12.5]), "price_at_most": st.sampled_from([15, 40]),
}  # fmt: skip
of_visits = {"channel": st.sampled_from(CHANNELS), "device": st.sampled_from(DEVICES)}
counts = {"at_least": st.integers(0, 3), "at_most": st.integers(3, 5)}
sums = st.sampled_from([
    {"at_least": 0.5}, {"at_most": 12}, {"between": [-10, 20.5]}, {"at_least": 1, "at_most": 60}, {"at_most": -0.5},
])  # fmt: skip


@st.composite
def few(draw, filters):
    """At most three filters: with all of them at once nothing is left to count."""
    names = draw(st.lists(st.sampled_from(sorted(filters)), max_size=3, unique=True))
    return {name: draw(filters[name]) for name in names}


def asks(key, words, filters, bounds):
    return st.builds(
        lambda given, word, much: given | {key: word} | much,
        few(filters), st.sampled_from(words), bounds,
    )  # fmt: skip


some = st.fixed_dictionaries({}, optional=counts)
nothing = st.just({})
order_filters = windows | of_items | {"channel": of_visits["channel"]}
events = [
    (ITEM_EVENTS[:3], windows | of_items | of_visits),
    (("visit",), windows | of_visits),
    (("order", "purchase"), order_filters),
]
behaviours = st.one_of(
    *[st.fixed_dictionaries({"did": asks("event", words, filters, some)}) for words, filters in events],
    *[st.fixed_dictionaries({"did_not": asks("event", words, filters, nothing)}) for words, filters in events],
    st.fixed_dictionaries({"has": asks("total", VISIT_TOTALS, windows | of_visits, sums)}),
    st.fixed_dictionaries({"has": asks("total", tuple(t for t in TOTALS if t not in VISIT_TOTALS), order_filters, sums)}),
)  # fmt: skip
values = {
    "category": ["home", "/home/", "home/kitchen", "garden's; drop table x"], "brand": ["Finch", "' or 1=1 --"],
    "weekday": ["monday", "tuesday"],
}  # fmt: skip
tastes = st.sampled_from(sorted(values)).flatmap(
    lambda kind: st.fixed_dictionaries(
        {
            "kind": st.just(kind),
            "value": st.lists(
                st.sampled_from(values[kind]) | (hostile if kind != "weekday" else st.nothing()), min_size=1, max_size=2
            ),
        },
        optional={"at_least_share": st.sampled_from([0.125, 0.25, 0.3, 0.5, 0.75, 1])},
    )
)
rules = st.recursive(
    behaviours | behaviours | conditions | st.fixed_dictionaries({"has_affinity": tastes}),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=5,
)
warehouse = MemoryWarehouse()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(seed=st.integers(0, 2**32), drawn=st.lists(rules, min_size=1, max_size=6))
def test_every_segment_has_the_people_that_a_person_by_person_evaluation_finds(seed, drawn):
    shop = world(seed)
    segments = Segments.model_validate({
        "segments": [{"id": f"s{n}", "name": "S", "description": "d", "rule": rule} for n, rule in enumerate(drawn)]
    }).segments  # fmt: skip
    tables = segment_people(warehouse.fill(shop), segments, NIGHT)
    facts = {name: table for name, table in shop.items() if name != "customer_profiles"}
    expected = {
        (segment.id, profile["site_id"], profile["person_id"])
        for segment in segments
        for profile in shop["customer_profiles"]
        if holds(segment.rule, profile, facts, NIGHT)
    }
    rows_found = tables.membership.to_pylist()
    assert len(rows_found) == len(expected)
    assert {(row["segment_id"], row["site_id"], row["person_id"]) for row in rows_found} == expected
    people = {row["segment_id"]: row["people"] for row in tables.catalogue.to_pylist()}
    assert people == {segment.id: sum(e[0] == segment.id for e in expected) for segment in segments}
