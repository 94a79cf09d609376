"""Records of erased people are left out of what is loaded and counted in the books."""

import hashlib
import hmac
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.raw.conservation import conservation
from perso_pipeline.raw.load import load_nights
from perso_pipeline.raw.suppression import read_list

from .conftest import KEY, NIGHT, SITES, Installation

MAIL = hmac.new(KEY, b"ann@example.com", hashlib.sha256).hexdigest()


def hmacs(*names: str) -> frozenset[str]:
    return frozenset(hmac.new(KEY, name.encode(), hashlib.sha256).hexdigest() for name in names)


def event(number: int, **fields: object) -> dict[str, object]:
    return {
        "event_id": f"e{number}", "event_type": "page_view", "occurred_at": "2026-01-02T10:00:00Z", "site_id": "uk",
        "visitor_id": "v-other", **fields,
    }  # fmt: skip


def load(shop: Installation, suppressed: frozenset[str]) -> None:
    load_nights(
        shop.warehouse,
        landing_dir=shop.landing,
        sites=SITES,
        first=NIGHT,
        last=NIGHT,
        hash_key=KEY,
        suppressed=suppressed,
    )


@pytest.fixture
def shop(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


EVENTS = [
    event(1, visitor_id="v-ann"),  # nobody signed in on her device: hers
    event(2, customer_id="ann"),  # hers on another device
    event(3, visitor_id="v-ann", customer_id="bob"),  # another customer on her device: his
    event(4, visitor_id="v-ann", customer_id="bob", event_type="sign_in", is_success=False),  # proves nobody: hers
    event(5, visitor_id="v-ann", customer_id="bob", event_type="sign_in", is_success=True),  # his
    event(6),
    event(7, visitor_id="v-ann", event_type="teleported"),  # would be rejected: hers
]


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
def test_a_record_is_the_erased_persons_unless_it_proves_another_customer(shop: Installation, file_format: str) -> None:
    names = ["event_id", "event_type", "occurred_at", "site_id", "visitor_id", "customer_id", "is_success"]
    if file_format == "jsonl":
        shop.deliver_json("storefront_events", EVENTS)
    elif file_format == "csv":
        rows = [
            ",".join("" if e.get(n) is None else str(e[n]).lower() if n == "is_success" else str(e[n]) for n in names)
            for e in EVENTS
        ]
        shop.deliver("storefront_events", "a.csv", "\n".join([",".join(names), *rows]) + "\n")
    else:
        path = shop.deliver("storefront_events", "a.parquet", b"")
        pq.write_table(pa.Table.from_pylist([{n: e.get(n) for n in names} for e in EVENTS]), path)

    load(shop, hmacs("customer:ann", "visitor:v-ann"))

    assert shop.rows("select event_id from raw.storefront_events order by all") == [("e3",), ("e5",), ("e6",)]
    assert shop.rows("select delivered, accepted, rejected, erased from raw.delivered_files") == [(7, 3, 0, 4)]
    assert not conservation(shop.warehouse, "storefront_events", first=NIGHT, last=NIGHT).imbalances


def test_every_record_of_an_erased_order_goes_though_it_names_nobody(shop: Installation) -> None:
    line = {
        "occurred_at": "2026-01-02T10:00:00Z", "site_id": "uk", "order_line_id": "1", "item_id": "i", "quantity": 1,
        "amount": 1, "unit_price": 1, "currency": "GBP",
    }  # fmt: skip
    shop.deliver_json("order_events", [
        {**line, "event_id": "1", "event_type": "line_refunded", "order_id": "o1"},
        {**line, "event_id": "2", "event_type": "line_refunded", "order_id": "o2"},
        {**line, "event_id": "3", "event_type": "order_placed", "order_id": "o3", "email": " Ann@Example.com"},
    ])  # fmt: skip
    load(shop, hmacs("order:uk:o1", f"email:{MAIL}"))
    assert shop.rows("select event_id from raw.order_events") == [("2",)]


def test_a_line_that_cannot_be_taken_apart_is_theirs_if_it_names_them(shop: Installation) -> None:
    shop.deliver_json(
        "order_events", ['{"customer_id": "ann-7", ', '{"customer_id": "bob-7", ', '{"m": ann@example.com']
    )
    load(shop, hmacs("customer:ann-7", f"email:{MAIL}"))
    [(text,)] = shop.rows("select text from raw.rejected_records")
    assert "bob-7" in text
    assert shop.rows("select delivered, accepted, rejected, erased from raw.delivered_files") == [(3, 0, 1, 2)]


def test_lost_records_are_not_taken_for_erased_ones(shop: Installation) -> None:
    shop.deliver_json("storefront_events", EVENTS)
    load(shop, hmacs("visitor:v-ann"))
    with shop.warehouse.connect() as connection:
        connection.execute("delete from raw.storefront_events where event_id = 'e6'")
    [wrong] = conservation(shop.warehouse, "storefront_events", first=NIGHT, last=NIGHT).imbalances
    assert str(wrong).endswith("7 delivered, but 3 accepted and 0 rejected, 3 erased")


def test_a_damaged_list_is_refused_because_people_would_come_back(tmp_path: Path) -> None:
    (tmp_path / "suppressed.txt").write_text("ann\n", encoding="ascii")
    with pytest.raises(PersoError, match=r"Line 1 of .* is no HMAC"):
        read_list(tmp_path)
