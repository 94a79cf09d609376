"""Random rules over random people: the SQL and one person at a time in plain Python agree."""

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.segments.naive import holds
from tests.segments.worlds import NIGHT, MemoryWarehouse, at, day, money

from perso_pipeline.segments.behaviour import ITEM_EVENTS, TOTALS, VISIT_TOTALS
from perso_pipeline.segments.membership import segment_people
from perso_pipeline.segments.rules import Segments

SITES = ("uk", "de")
PEOPLE = ("p1", "p2", "p3")
IDENTIFIERS = ("visitor:a", "visitor:b", "customer:c")
ITEMS = ("i1", "i2", "i3")
PATHS = ("home", "home/kitchen", "home/kitchenware", "garden's; drop table x", None)
BRANDS = ("Finch", "' or 1=1 --", None)
CHANNELS = ("email", "direct")
DEVICES = ("mobile", "desktop")
SESSIONS = ("s1", "s2", "s3")
ORDERS = ("o1", "o2")

backs = st.integers(min_value=-3, max_value=12)  # days before the night; below zero lies after it
hostile = st.sampled_from(["x'; drop table profiles.customer_profiles; --", '"', "\\", "%", "_"])


def maybe(strategy):
    return st.none() | strategy


def rows(**columns):
    return st.lists(st.fixed_dictionaries(columns), max_size=8)


@st.composite
def worlds(draw):
    profiles = draw(st.lists(st.fixed_dictionaries({
        "orders": st.integers(0, 4).map(float), "net_revenue": maybe(st.sampled_from([-5.0, 0.0, 10.5, 90.0])),
        "country": maybe(st.sampled_from(["GB", "DE"])), "has_email_consent": maybe(st.booleans()),
        "first_order_date": maybe(backs.map(day)), "return_rate": maybe(st.sampled_from([0.0, 0.5])),
    }), min_size=6, max_size=6))  # fmt: skip
    keys = [(site, person) for site in SITES for person in PEOPLE]
    for (site, person), profile in zip(keys, profiles, strict=True):
        profile |= {"night": NIGHT, "site_id": site, "person_id": person}
    mapped = draw(rows(
        identifier=st.sampled_from(IDENTIFIERS), person_id=st.sampled_from(PEOPLE), known_on=backs.map(day),
        void_on=maybe(backs.map(day)),
    ))  # fmt: skip
    # the map's contract: one person to an identifier on a night
    valid, seen = [], set()
    for row in mapped:
        is_valid = row["known_on"] <= NIGHT and (row["void_on"] is None or row["void_on"] > NIGHT)
        if not (is_valid and row["identifier"] in seen):
            valid.append(row)
        if is_valid:
            seen.add(row["identifier"])
    items = [
        {"night": NIGHT, "site_id": site, "item_id": item, "category_path": draw(st.sampled_from(PATHS)),
         "brand": draw(st.sampled_from(BRANDS)), "price": draw(maybe(st.sampled_from([money(5), money(20)])))}
        for site in SITES for item in ITEMS[:2]
    ]  # fmt: skip
    interactions = draw(rows(
        site_id=st.sampled_from(SITES), identifier=st.sampled_from(IDENTIFIERS),
        event_type=st.sampled_from(ITEM_EVENTS[:3]), event_date=backs.map(day), session_id=maybe(st.sampled_from(SESSIONS)),
        item_id=st.sampled_from(ITEMS), quantity=maybe(st.integers(0, 2)), amount=maybe(st.sampled_from([money(10), money(40)])),
        is_robot=maybe(st.booleans()), known_on=backs.map(day),
    ))  # fmt: skip
    sessions = draw(st.lists(st.fixed_dictionaries({
        "session_id": st.sampled_from(SESSIONS), "site_id": st.sampled_from(SITES), "identifier": st.sampled_from(IDENTIFIERS),
        "session_date": backs.map(day), "duration_seconds": st.integers(0, 60), "searches": st.integers(0, 2),
        "channel": st.sampled_from(CHANNELS), "device_type": maybe(st.sampled_from(DEVICES)), "is_robot": maybe(st.booleans()),
        "known_on": backs.map(day),
    }), max_size=3, unique_by=lambda row: row["session_id"]))  # fmt: skip
    events = draw(rows(
        session_id=st.sampled_from(SESSIONS), occurred_at=backs.map(at), event_date=backs.map(day), site_id=st.sampled_from(SITES),
        event_type=st.sampled_from(["checkout_complete", "page_view"]), order_id=maybe(st.sampled_from(ORDERS)), known_on=backs.map(day),
    ))  # fmt: skip
    for number, event in enumerate(events):
        event["event_id"] = f"e{number}"
    return {
        "customer_profiles": profiles, "item_profiles": items, "identity_map": valid, "interactions": interactions,
        "sessions": sessions, "session_events": events, "order_movements": draw(movements()),
    }  # fmt: skip


@st.composite
def movements(draw):
    found = draw(rows(
        site_id=st.sampled_from(SITES), order_id=st.sampled_from(ORDERS), order_line_id=st.sampled_from(["1", "2"]),
        movement=st.sampled_from(["sale", "refund"]), movement_date=backs.map(day), order_date=backs.map(day),
        occurred_at=backs.map(at), identifier=maybe(st.sampled_from(IDENTIFIERS)), item_id=st.sampled_from(ITEMS),
        is_goods=st.booleans(), quantity=st.integers(1, 2), known_on=backs.map(day),
    ))  # fmt: skip
    for number, row in enumerate(found):
        amount, is_sale = money(10 + number), row["movement"] == "sale"
        row |= {
            "movement_id": f"m{number}", "quantity": row["quantity"] if is_sale else -row["quantity"],
            "gross": amount if is_sale else Decimal(0), "net": amount if is_sale else -amount,
            "refunded": Decimal(0) if is_sale else amount,
        }  # fmt: skip
    return found


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
windows = {"within_days": st.integers(1, 15), "since": backs.map(day), "site": st.lists(st.sampled_from(SITES), min_size=1, max_size=2)}
of_items = {
    "category": st.sampled_from(["home", "home/kitchen", "garden's; drop table x"]) | hostile,
    "brand": st.lists(st.sampled_from(BRANDS[:2]) | hostile, min_size=1, max_size=2), "item": st.sampled_from(ITEMS),
    "price_at_least": st.sampled_from([0, 5, 12.5]), "price_at_most": st.sampled_from([15, 40]),
}  # fmt: skip
of_visits = {"channel": st.sampled_from(CHANNELS), "device": st.sampled_from(DEVICES) | hostile}
counts = {"at_least": st.integers(0, 3), "at_most": st.integers(3, 4)}
sums = st.sampled_from([
    {"at_least": 0.5}, {"at_most": 12}, {"between": [-10, 20.5]}, {"at_least": 1, "at_most": 60}, {"at_most": -0.5},
])  # fmt: skip


def asks(key, words, filters, bounds):
    return st.builds(
        lambda given, word, much: given | {key: word} | much,
        st.fixed_dictionaries({}, optional=filters), st.sampled_from(words), bounds,
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
rules = st.recursive(
    conditions | behaviours,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=5,
)
warehouse = MemoryWarehouse()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(world=worlds(), drawn=st.lists(rules, min_size=1, max_size=4))
def test_every_segment_has_the_people_that_a_person_by_person_evaluation_finds(world, drawn):
    segments = Segments.model_validate({
        "segments": [{"id": f"s{n}", "name": "S", "description": "d", "rule": rule} for n, rule in enumerate(drawn)]
    }).segments  # fmt: skip
    tables = segment_people(warehouse.fill(world), segments, NIGHT)
    facts = {name: table for name, table in world.items() if name != "customer_profiles"}
    expected = {
        (segment.id, profile["site_id"], profile["person_id"])
        for segment in segments
        for profile in world["customer_profiles"]
        if holds(segment.rule, profile, facts, NIGHT)
    }
    rows_found = tables.membership.to_pylist()
    assert len(rows_found) == len(expected)
    assert {(row["segment_id"], row["site_id"], row["person_id"]) for row in rows_found} == expected
    people = {row["segment_id"]: row["people"] for row in tables.catalogue.to_pylist()}
    assert people == {segment.id: sum(e[0] == segment.id for e in expected) for segment in segments}
