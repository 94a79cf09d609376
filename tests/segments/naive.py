"""Rules answered one person at a time in plain Python, the slow and obvious way, to compare with the SQL."""

from datetime import date, timedelta
from decimal import Decimal

from perso_pipeline.segments.behaviour import ORDER_TOTALS
from perso_pipeline.segments.rules import Rule


def holds(rule: Rule, profile: dict, facts: dict[str, list[dict]], night: date) -> bool:  # noqa: C901
    if rule.all is not None:
        return all(holds(part, profile, facts, night) for part in rule.all)
    if rule.any is not None:
        return any(holds(part, profile, facts, night) for part in rule.any)
    if rule.none_of is not None:
        return not holds(rule.none_of, profile, facts, night)
    if rule.did is not None:
        low, high = rule.did.between or (rule.did.at_least, rule.did.at_most)
        if low is None and high is None:
            low = 1
        return within(times(rule.did, profile, facts, night), low, high)
    if rule.did_not is not None:
        return times(rule.did_not, profile, facts, night) == 0
    if rule.has is not None:
        low, high = rule.has.between or (rule.has.at_least, rule.has.at_most)
        return within(total(rule.has, profile, facts, night), low, high)
    if rule.has_affinity is not None:
        return any(drawn(rule.has_affinity, value, profile, facts, night) for value in rule.has_affinity.value)
    value = profile[rule.attribute]
    match rule.op:
        case "is_known":
            return value is not None
        case "is_unknown":
            return value is None
        case "is_not":
            return value != rule.value
    if value is None:
        return False
    match rule.op:
        case "is":
            return value == rule.value
        case "in":
            return value in rule.value
        case "at_least":
            return value >= rule.value
        case "at_most":
            return value <= rule.value
        case "more_than":
            return value > rule.value
        case "less_than":
            return value < rule.value
        case "between":
            return rule.value[0] <= value <= rule.value[1]
    raise AssertionError(rule.op)


def within(number, low, high) -> bool:
    return (low is None or number >= Decimal(repr(low))) and (high is None or number <= Decimal(repr(high)))


def drawn(asked, value, profile, facts, night) -> bool:
    """Whether the rows of a person that name the value, or what lies in it, hold the share."""
    own = [
        row for row in facts["affinities"]
        if row["night"] == night and all(row[key] == profile[key] for key in ("site_id", "person_id"))
    ]  # fmt: skip
    kinds = {asked.kind}
    if asked.kind == "category":
        value = value.strip("/")
        kinds.add(f"category_{len(value.split('/'))}")
    found = [row for row in own if row["kind"] in kinds and row["value"] == value]
    if not found:
        return False
    if asked.kind == "category":
        categories = [row["weight"] / row["share"] for row in own if row["kind"] == "category"]
        if not categories:
            return False
        share = sum(row["weight"] for row in found) / max(categories)
    else:
        share = found[0]["share"]
    return share > 0 if asked.at_least_share is None else share >= asked.at_least_share


def times(rule, profile, facts, night) -> int:
    if rule.event == "visit":
        return len(visits(rule, profile, facts, night))
    if rule.event in ("order", "purchase"):
        sold = [line for line in lines(rule, profile, facts, night) if line["is_sold"]]
        return len(sold) if rule.event == "purchase" else len({(line["site_id"], line["order_id"]) for line in sold})
    return sum(
        1
        for fact in facts["interactions"]
        if fact["event_type"] == rule.event
        and not fact["is_robot"]
        and fact["event_date"] <= night
        and mine(fact, rule, profile, facts, night)
        and in_window(fact["event_date"], rule, night)
        and of_item(fact, event_price(fact, facts, night), rule, facts, night)
        and of_visit(session(fact["session_id"], facts, night), rule)
    )


def total(rule, profile, facts, night):
    if rule.total in ORDER_TOTALS:
        return sum((line[rule.total] for line in lines(rule, profile, facts, night)), start=Decimal(0))
    column = {"visit_seconds": "duration_seconds", "searches": "searches"}[rule.total]
    return sum(visit[column] for visit in visits(rule, profile, facts, night))


def visits(rule, profile, facts, night):
    return [
        visit
        for visit in facts["sessions"]
        if not visit["is_robot"]
        and visit["session_date"] <= night
        and mine(visit, rule, profile, facts, night)
        and in_window(visit["session_date"], rule, night)
        and of_visit(visit, rule)
    ]


def lines(rule, profile, facts, night):
    """Order lines as of the night that fit the rule."""
    moves = [m for m in facts["order_movements"] if m["known_on"] <= night and m["movement_date"] <= night]
    found = []
    for key in sorted({(m["site_id"], m["order_id"], m["order_line_id"]) for m in moves}):
        own = [m for m in moves if (m["site_id"], m["order_id"], m["order_line_id"]) == key]
        own.sort(key=lambda m: (m["movement"] != "sale", m["occurred_at"], m["movement_id"]))
        sold = [m for m in own if m["movement"] == "sale"]
        pieces = sum(m["quantity"] for m in sold)
        line = {
            "site_id": key[0], "order_id": key[1], "known_on": night,
            "identifier": next((m["identifier"] for m in own if m["identifier"] is not None), None),
            "item_id": own[0]["item_id"], "is_sold": bool(sold), "day": min(m["order_date"] for m in own),
            "units": sum((m["quantity"] for m in own if m["is_goods"]), start=0),
            "gross_revenue": sum(m["gross"] for m in own), "net_revenue": sum(m["net"] for m in own),
            "refunded_revenue": sum(m["refunded"] for m in own),
        }  # fmt: skip
        price = float(line["gross_revenue"]) / pieces if pieces else catalogue_price(line, facts, night)
        checkouts = [
            e for e in facts["session_events"]
            if (e["site_id"], e["order_id"]) == key[:2] and e["event_type"] == "checkout_complete"
            and e["known_on"] <= night and e["event_date"] <= night
        ]  # fmt: skip
        checkout = min(checkouts, key=lambda e: (e["occurred_at"], e["event_id"]), default=None)
        visit = session(checkout["session_id"], facts, night) if checkout else None
        if (
            mine(line, rule, profile, facts, night)
            and in_window(line["day"], rule, night)
            and of_item(line, price, rule, facts, night)
            and of_visit(visit, rule)
        ):
            found.append(line)
    return found


def mine(fact, rule, profile, facts, night) -> bool:
    known = fact["known_on"] <= night
    whose = [
        m["person_id"]
        for m in facts["identity_map"]
        if m["identifier"] == fact["identifier"]
        and m["known_on"] <= night
        and (m["void_on"] is None or m["void_on"] > night)
    ]
    sites = rule.site or (profile["site_id"],)
    return known and profile["person_id"] in whose and fact["site_id"] in sites


def in_window(day, rule, night) -> bool:
    recent = rule.within_days is None or day > night - timedelta(days=rule.within_days)
    return recent and (rule.since is None or day >= rule.since)


def catalogue_item(fact, facts, night):
    found = [
        i for i in facts["item_profiles"]
        if i["night"] == night and (i["site_id"], i["item_id"]) == (fact["site_id"], fact["item_id"])
    ]  # fmt: skip
    return found[0] if found else None


def catalogue_price(fact, facts, night):
    item = catalogue_item(fact, facts, night)
    return None if item is None or item["price"] is None else float(item["price"])


def event_price(fact, facts, night):
    if fact["amount"] is None or not fact["quantity"]:
        return catalogue_price(fact, facts, night)
    return float(fact["amount"]) / fact["quantity"]


def of_item(fact, price, rule, facts, night) -> bool:
    item = catalogue_item(fact, facts, night) or {"category_path": None, "brand": None}
    path = item["category_path"]
    inside = rule.category is None or (
        path is not None and any(path == word or path.startswith(word + "/") for word in rule.category)
    )
    return (
        inside
        and (rule.brand is None or item["brand"] in rule.brand)
        and (rule.item is None or fact["item_id"] in rule.item)
        and (rule.price_at_least is None or (price is not None and price >= rule.price_at_least))
        and (rule.price_at_most is None or (price is not None and price <= rule.price_at_most))
    )


def session(session_id, facts, night):
    found = [s for s in facts["sessions"] if s["session_id"] == session_id and s["known_on"] <= night]
    return found[0] if found else None


def of_visit(visit, rule) -> bool:
    visit = visit or {"channel": None, "device_type": None}
    return (rule.channel is None or visit["channel"] in rule.channel) and (
        rule.device is None or visit["device_type"] in rule.device
    )
