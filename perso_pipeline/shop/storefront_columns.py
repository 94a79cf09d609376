"""Codes of storefront events turned into the columns of the stream.

Vocabularies, addresses and ids. Which events there are, and when, is decided in ``storefront``.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.sites import Site
from perso_pipeline.shop import arrays
from perso_pipeline.shop.arrays import Ints
from perso_pipeline.shop.catalogue import Catalogue
from perso_pipeline.shop.people import People, visitor_ids
from perso_pipeline.shop.recommendations import REQUEST_SALT
from perso_pipeline.shop.visits import Visits
from perso_pipeline.shop.words import BROWSERS, CONTACTS, FINDLESS, LEAVES, PAGES, ROBOTS, SOURCES, STYLES

EVENTS = (
    "page_view", "category_view", "product_view", "search_request", "search_response", "add_to_cart",
    "remove_from_cart", "cart_quantity_change", "cart_view", "checkout_start", "checkout_complete", "sign_in",
    "sign_out", "add_to_wish_list", "remove_from_wish_list", "content_consumed", "rating", "owns", "block_item",
)  # fmt: skip
CODE = {name: number for number, name in enumerate(EVENTS)}
CART_SALT, SEARCH_SALT, CLICK_SALT = 31, 37, 41


def storefront_columns(
    code: Mapping[str, Ints], *, at: Ints, customer: Ints, visits: Visits, people: People, catalogue: Catalogue,
    sites: tuple[Site, ...],
) -> dict[str, pa.Array | Ints]:  # fmt: skip
    """Arrow columns of events (without event_id); ``_site`` and ``_at`` are codes for the delivery.

    Args:
        code: codes by column, one per event, -1 where nothing applies.
        at: UTC microseconds; events are sorted by them.
        customer: person that the shop knows at that moment, -1 for none.
        visits: sessions, by ``code["session"]``.
        people: for ids.
        catalogue: for ids and prices.
        sites: for ids, currencies and addresses.
    """
    session, kind = code["session"], code["kind"]
    site = visits.site[session]
    first = np.zeros(len(at), dtype=bool)
    _, firsts = np.unique(session, return_index=True)
    first[firsts] = True
    source = np.where(first & ~visits.is_robot[session], visits.source[session], -1)
    priced = code["priced"] > 0
    item = code["item"]
    price = catalogue.price[site, np.where(priced, item, 0)]
    has_cart = np.isin(kind, [CODE[k] for k in EVENTS if "cart" in k or k.startswith("checkout")])
    currencies = pa.array([s.currency for s in sites])
    vocabulary, offset = _addresses(sites, catalogue)
    queries = [f"{s} {noun}".lower().strip() for _, noun, _ in LEAVES for s in (*STYLES, "")] + [*FINDLESS, *CONTACTS]
    columns: dict[str, pa.Array | Ints] = {
        "_site": site,
        "_at": at,
        "event_type": arrays.words(kind, pa.array(EVENTS)),
        "occurred_at": arrays.instants(at),
        "site_id": arrays.words(site, pa.array([s.id for s in sites])),
        "visitor_id": visitor_ids(visits.visitor[session]),
        "customer_id": arrays.words(customer, people.customer_ids),
        "is_success": pa.array(code["success"] == 1, mask=code["success"] < 0),
        "item_id": arrays.words(item, catalogue.ids),
        "category_path": arrays.words(code["leaf"], pa.array([path for path, _, _ in LEAVES])),
        "quantity": arrays.numbers(code["quantity"]),
        "price": arrays.money(price, missing=~priced),
        "currency": arrays.words(np.where(priced, site, -1), currencies),
        "cart_id": arrays.hex_ids("c", np.where(has_cart, visits.number[session], -1), CART_SALT),
        "order_id": arrays.numbers(code["order"]).cast(pa.string()),
        "request_id": arrays.hex_ids("r", code["request"], REQUEST_SALT),
        "search_id": arrays.hex_ids("q", code["search"], SEARCH_SALT),
        "search_query": arrays.words(code["query"], pa.array(queries)),
        "results_count": arrays.numbers(code["results"]),
        "percentage": arrays.numbers(code["percentage"]),
        "rating": arrays.numbers(code["rating"]),
        "url": arrays.words(np.where(code["url"] >= 0, site * offset + code["url"], -1), vocabulary),
        "user_agent": arrays.words(visits.browser[session], pa.array([b for b, _ in BROWSERS] + list(ROBOTS))),
        "country": arrays.words(_country(visits, sites)[session], _countries(sites)),
    }
    for field, name in enumerate(("referrer", "utm_source", "utm_medium", "utm_campaign"), start=1):
        options = pa.array([row[field] for row in SOURCES], pa.string())
        present = np.array([row[field] is not None for row in SOURCES])
        columns[name] = arrays.words(np.where((source >= 0) & present[source], source, -1), options.fill_null(""))
    columns["click_id"] = _click_ids(source, visits.number[session])
    return columns


def _click_ids(source: Ints, number: Ints) -> pa.Array:
    kinds = [row[5] for row in SOURCES]
    clicks = pa.nulls(len(source), pa.string())
    for code, kind in enumerate(kinds):
        if kind is not None:
            mine = source == code
            ids = arrays.hex_ids(f"{kind}:", np.where(mine, number, -1), CLICK_SALT)
            clicks = pa.compute.if_else(pa.array(mine), ids, clicks)
    return clicks


def _addresses(sites: tuple[Site, ...], catalogue: Catalogue) -> tuple[pa.Array, int]:
    """Every page of every site, and how many there are per site."""
    pages = [*PAGES, *(f"/c/{path}" for path, _, _ in LEAVES), *(f"/p/{i}" for i in catalogue.ids.to_pylist())]
    return pa.array([f"https://{site.id}.example.com{page}" for site in sites for page in pages]), len(pages)


def _countries(sites: tuple[Site, ...]) -> pa.Array:
    return pa.array([*(s.country or "GB" for s in sites), "IE", "AT", "NL", "US"])


def _country(visits: Visits, sites: tuple[Site, ...]) -> Ints:
    """The site's own country, mostly; robots come from the US."""
    who = visits.person
    abroad = (who >= 0) & (who % 25 == 0)
    codes = np.where(abroad, len(sites) + who % 3, visits.site)
    return np.where(who < 0, len(sites) + 3, codes)
