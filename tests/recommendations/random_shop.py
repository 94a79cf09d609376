"""Small random shops, scenarios and rules, and a way to put a shop into the warehouse."""

import json
import random
from datetime import date, timedelta
from typing import Any

NIGHT = date(2026, 3, 10)
BRANDS = ("acme", "bolt", "crux")
CATEGORIES = ("x", "x/y", "x/y/z", "xy", "w")
SEGMENTS = ("gold", "lapsed")


def random_attributes(rng: random.Random) -> str | None:
    """What a catalogue says of an item in its own words: one colour or several, a weight as number or text, a flag."""
    if rng.random() < 0.2:
        return None
    said = {
        "colour": rng.choice(["red", "blue", ["red", "white"], []]),
        "size": {"weight (g)": 1, "weight g": rng.choice([90, "450", "heavy", None])},
        "is_recycled": rng.choice([True, False, "yes"]),
    }
    return json.dumps({name: said[name] for name in said if rng.random() < 0.8})


def random_shop(rng: random.Random) -> dict[str, Any]:
    """Items, people and what they did; 'gone1' and 'gone2' are candidates that the catalogue does not know."""
    ids = [f"i{n:02d}" for n in range(rng.randint(3, 30))]
    items = [
        {
            "item_id": i,
            "item_type": rng.choices(["product", "content", "service"], [8, 1, 1])[0],
            "stock": rng.choice([0, 5, 5, None]),
            "valid_to": rng.choice([None, None, None, "2026-03-01"]),
            "parent_item_id": rng.choice([None, None, "P1", "P2", "P3"]),
            "category_path": rng.choice(CATEGORIES),
            "brand": rng.choice([*BRANDS, None]),
            "attributes": random_attributes(rng),
            "price": rng.choice([10, 20, 25, 40, None]),
            "purchases_28d": rng.randint(0, 3),
            "cart_adds_28d": rng.randint(0, 3),
            "views_28d": rng.randint(0, 3),
        }
        for i in ids
    ]
    pool = [*ids, "gone1", "gone2"]
    people = [f"p{n}" for n in range(8)]

    def some(most: int) -> list[str]:
        return rng.sample(pool, rng.randint(0, min(most, len(pool))))

    def scored(most: int) -> dict[str, float]:
        return {i: rng.randint(-1, 4) / 4 for i in some(most)}

    published = sorted(rng.sample([NIGHT - timedelta(days=n) for n in range(1, 6)], rng.randint(0, 4)))
    return {
        "items": items,
        "people": people,
        "personal": {p: scored(12) for p in people[:6]},
        "similar": {i: scored(8) for i in ids},
        "trending": scored(6),
        "popular": scored(10),
        "bought": {p: some(6) for p in people[:5]},
        "blocked": {p: some(3) for p in people[:3]},
        "favourites": {
            p: {"category": rng.choice(["x", "x/y", "w", "none"]), "brand": rng.choice([*BRANDS, "dodo"])}
            for p in people[:6]
        },
        "segments": {p: [s for s in SEGMENTS if rng.random() < 0.4] for p in people},
        "published": published,
        "shown": {(p, night): some(6) for p in [*people, "*"] for night in published},
        "clicked": {p: {i: rng.choice(published or [NIGHT]) for i in some(3)} for p in people[:4]},
    }


def random_scenario(rng: random.Random, *, subject: str = "person", **more: Any) -> dict[str, Any]:
    own = {"person": "personal", "item": "similar"}[subject]
    strategies = rng.sample([own, "trending", "popular", "popular_in_category", "catalogue"], rng.randint(1, 5))
    levels: list[dict[str, Any]] = [{"strategy": s} for s in strategies]
    if len(levels) > 2 and rng.random() < 0.4:
        shares = rng.choice([(1, 1), (3, 1), (0.7, 0.3)])
        levels = [{"mix": [{**part, "share": n} for part, n in zip(levels[:2], shares, strict=True)]}, *levels[2:]]
    filters = {"person": ["bought", "blocked"], "item": ["same_item"]}[subject]
    filters = [*filters, "sold_out", "content", "expired", "variants"]
    return {
        "id": "home", "name": "Home", "subject": subject, "size": rng.randint(1, 8), "levels": levels,
        "filters": rng.sample(filters, rng.randint(0, len(filters))), **more,
    }  # fmt: skip


def random_condition(rng: random.Random, data: dict[str, Any], *, relative: str | None = None) -> dict[str, Any]:
    """A condition on the item, or now and then one against the list's own item or person."""
    if relative == "person" and rng.random() < 0.5:
        attribute = rng.choice(["category", "brand"])
        levels = {"levels": 1} if attribute == "category" and rng.random() < 0.5 else {}
        return {"attribute": attribute, "op": rng.choice(["is", "is_not"]), "of": "person", **levels}
    if relative == "context" and rng.random() < 0.7:
        price = [
            {"attribute": "price", "op": "at_least", "of": "context", "value": 100},
            {"attribute": "price", "op": "at_most", "of": "context", "value": 125},
            {"attribute": "price", "op": "between", "of": "context", "value": [50, 160]},
        ]
        like = [
            {"attribute": name, "op": op, "of": "context"} for name in ("category", "brand") for op in ("is", "is_not")
        ]
        return rng.choice([*price, *like, {"attribute": "category", "op": "is", "of": "context", "levels": 1}])
    return rng.choice(
        [
            {"attribute": "category", "op": "is", "value": rng.choice(CATEGORIES)},
            {"attribute": "category", "op": "is_not", "value": rng.choice(CATEGORIES)},
            {"attribute": "brand", "op": "in", "value": rng.sample(BRANDS, 2)},
            {"attribute": "brand", "op": rng.choice(["is_known", "is_unknown"])},
            {"attribute": "brand", "op": "is_not", "value": rng.choice(BRANDS)},
            {"attribute": "price", "op": rng.choice(["at_least", "at_most"]), "value": rng.choice([10, 20, 25])},
            {"attribute": "price", "op": "between", "value": [15, 30]},
            {"attribute": "stock", "op": "at_least", "value": 1},
            {
                "attribute": "attributes.colour",
                "op": rng.choice(["is", "is_not"]),
                "value": rng.choice(["red", "white"]),
            },
            {"attribute": "attributes.colour", "op": "in", "value": ["white", "blue"]},
            {"attribute": "attributes.colour", "op": rng.choice(["is_known", "is_unknown"])},
            {"attribute": "attributes.size.weight g", "op": rng.choice(["at_least", "at_most"]), "value": 100},
            {"attribute": "attributes.size.weight g", "op": rng.choice(["is", "is_not"]), "value": 90},
            {"attribute": "attributes.is_recycled", "op": rng.choice(["is", "is_not"]), "value": True},
            {"attribute": "item", "op": "is", "value": rng.choice(data["items"])["item_id"]},
        ]
    )


KINDS = ("include", "exclude", "pin", "boost", "bury", "promote", "variety", "repeat")


def random_rule(
    rng: random.Random, kind: str, number: int, data: dict[str, Any], *, relative: str | None
) -> dict[str, Any]:
    """A rule of one kind, sometimes only for a segment or one of two scenarios."""
    rule: dict[str, Any] = {"id": f"{kind}-{number}", "name": kind, "kind": kind, "priority": rng.choice([1, 50, 100])}
    if rng.random() < 0.3:
        rule["segments"] = rng.sample(SEGMENTS, rng.randint(1, 2))
    if rng.random() < 0.2:
        rule["scenarios"] = [rng.choice(["home", "second"])]
    if kind == "pin":
        return rule | {
            "item": rng.choice([i["item_id"] for i in data["items"]] + ["gone1"]),
            "position": rng.randint(1, 4),
        }
    if kind == "variety":
        by = rng.choice(["category", "brand", "parent"])
        return rule | {"by": by, "at_most": rng.randint(1, 2), **({"levels": 1} if by == "category" else {})}
    if kind == "repeat":
        at_most = rng.randint(1, 2)
        nights = rng.randint(at_most, 4)
        return rule | {"at_most": at_most, "nights": nights, "unless_clicked": rng.random() < 0.5}
    rule["where"] = [random_condition(rng, data, relative=relative) for _ in range(rng.randint(1, 2))]
    if kind in ("boost", "bury"):
        return rule | rng.choice([{"factor": rng.choice([1.5, 2.0, 10.0])}, {"positions": rng.randint(1, 4)}])
    return rule | ({"share": rng.choice([0.2, 0.5, 1.0])} if kind == "promote" else {})


def fill(shop: Any, data: dict[str, Any]) -> None:
    people = data["people"]
    # what no rule in force explains is unavailable; here only services are
    shop.add("profiles.item_profiles", *({**i, "is_available": i["item_type"] != "service"} for i in data["items"]))
    shop.add("identity.identity_map", *({"identifier": f"customer:{p}", "person_id": p} for p in people))
    likes = data["favourites"]
    shop.add(
        "profiles.customer_profiles",
        *({"person_id": p, "preferred_category": likes.get(p, {}).get("category")} for p in people),
    )
    shop.add("profiles.affinities", *({"person_id": p, "kind": "brand", "value": likes[p]["brand"]} for p in likes))
    shop.add(
        "segments.segment_membership",
        *({"person_id": p, "segment_id": s} for p, own in data["segments"].items() for s in own),
    )
    shop.add("models.champions", {"task": "personal", "model": "als"}, {"task": "similar", "model": "knn"})
    sources = [("personal", "als", "person", person, scores) for person, scores in data["personal"].items()]
    sources += [("similar", "knn", "item", item, scores) for item, scores in data["similar"].items()]
    sources += [("personal", model, "anyone", "anyone", data[model]) for model in ("trending", "popular")]
    shop.add(
        "models.candidates",
        *(
            {"task": task, "model": m, "subject_type": kind, "subject_id": who, "item_id": item, "score": score}
            for task, m, kind, who, scores in sources
            for item, score in scores.items()
        ),
    )
    shop.add(
        "interactions.order_movements",
        *(
            {"identifier": f"customer:{p}", "order_id": p, "order_line_id": item, "item_id": item}
            for p, bought in data["bought"].items()
            for item in bought
        ),
    )
    shop.add(
        "interactions.interactions",
        *(
            {"identifier": f"customer:{p}", "event_type": "block_item", "item_id": item}
            for p, blocked in data["blocked"].items()
            for item in blocked
        ),
    )
    _fill_history(shop, data)


def _fill_history(shop: Any, data: dict[str, Any]) -> None:
    shop.run("create schema if not exists recommendations")
    shop.run("create table recommendations.publish_log (night date, action varchar)")
    shop.run(
        "create table recommendations.recommendations (night date, site_id varchar, scenario_id varchar, "
        "subject_type varchar, subject_id varchar, item_id varchar)"
    )
    shop.add("recommendations.publish_log", *({"night": n, "action": "publish"} for n in data["published"]))
    # a night that was stopped by its gate: nobody saw it
    shop.add("recommendations.publish_log", {"night": NIGHT - timedelta(days=6), "action": "kept aside"})
    shop.add(
        "recommendations.recommendations",
        *(
            {
                "night": night,
                "site_id": "shop-uk",
                "scenario_id": "home",
                "subject_type": "anyone" if p == "*" else "person",
                "subject_id": p,
                "item_id": i,
            }
            for (p, night), items in data["shown"].items()
            for i in items
        ),
    )
    shop.add(
        "interactions.recommendation_requests",
        *(
            {"scenario_id": "home", "identifier": f"customer:{p}", "item_id": i, "event_date": on}
            for p, items in data["clicked"].items()
            for i, on in items.items()
        ),
    )
