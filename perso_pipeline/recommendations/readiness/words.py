"""The words of a merchandiser for what the tables say in codes. Add a strategy's or a rule's words here.

A code without words of its own is shown as it is, with blanks for underscores.
"""

from collections import Counter

from perso_pipeline.recommendations.readiness.preview import Listed, Page, SitePreview, Slot

_STRATEGIES = {
    "personal": "picked for them",
    "similar": "met by the same people",
    "similar_content": "alike in words and traits",
    "cart_items": "goes with the cart",
    "popular_in_category": "popular in their category",
    "popular": "popular",
    "trending": "trending",
    "recently_added": "new in the shop",
    "searched_then_bought": "bought by others after this search",
    "catalogue": "anything from the shop, most wanted first",
    "exploration": "shown to learn about it",
    "pinned": "pinned by a rule",
    "promoted": "promoted by a rule",
}
_RULES = {
    "unavailable": "not in the site's catalogue, deleted, or a service",
    "sold_out": "sold out",
    "expired": "not yet or no longer sold",
    "content": "not a product",
    "products": "not content",
    "bought": "they bought it",
    "viewed": "they saw it before",
    "blocked": "they do not want to see it",
    "in_cart": "it is in the cart",
    "same_item": "it is the item itself",
    "variants": "another variant stands there already",
}
_REASONS = {
    "most_viewed": "most viewed",
    "most_carted": "most often put into carts",
    "most_purchased": "most often bought",
    "trending": "trending",
    "recommended_for_you": "in their own order; who is unknown gets the most viewed",
    "default": "most wanted of 28 days",
}
_NAMED = 3  # origins and removed items that a line names


def why(slot: Slot, page: Page) -> str:
    """One line: what put the item there, and from what, where the page does not say that already."""
    said = _STRATEGIES.get(slot.strategy, _plain(slot.strategy))
    if slot.origins and slot.origins != (page.subject_name,):
        said += f" because of {', '.join(slot.origins[:_NAMED])}"
    for note in slot.notes:
        kind, _, value = note.partition(":")
        said += f"; {_plain(kind)} {value}" if value else f"; {_plain(kind)}"
    return said


def source(slot: Slot) -> str:
    """Level, model and version, for who asks on."""
    place = f"level {slot.level} of {slot.levels}" if slot.level <= slot.levels else "beside the levels"
    return f"{place}, {slot.model} {slot.model_version}"


def removed(page: Page) -> list[str]:
    """One line per rule that took a candidate out of the first places, most first."""
    counts = Counter(item.rule for item in page.removed)
    lines = []
    for rule, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        names = [item.name or item.item_id for item in page.removed if item.rule == rule]
        more = f" and {count - _NAMED} more" if count > _NAMED else ""
        lines.append(f"{_RULES.get(rule, _plain(rule))}: {', '.join(names[:_NAMED])}{more}")
    return lines


def heading(page: Page) -> str:
    """Name of the placement, for what it was made, and how full it is."""
    subject = f", {page.subject_name or page.subject}" if page.subject and page.subject_kind != "person" else ""
    filled = "" if len(page.slots) == page.size else f" ({len(page.slots)} of {page.size} places)"
    return f"{page.name} ('{page.scenario_id}') {page.occasion}{subject}{filled}"


def about(site: SitePreview) -> str:
    """Who it is, in one line."""
    known = dict(site.about)
    if not known:
        return f"{site.site_id}: not known here; sees what everybody unknown sees."
    parts = [str(known["lifecycle"]), f"{known['orders']} orders", f"last seen {known['last_seen_date']}"]
    if known["segment_id"]:
        parts.append(f"segment {known['segment_id']}")
    if known["has_personalization_consent"] is False:
        parts.append("no consent to personalization, so nothing is made for them alone")
    return f"{site.site_id}: {', '.join(parts)}."


def menu(site: SitePreview) -> str | None:
    """The order of the menu in one line; None where it is not known."""
    if not site.menu:
        return None
    landing = f"; a visit may begin in {site.landing}" if site.landing else ""
    return f"Menu: {', '.join(site.menu)}{landing}."


def category(listed: Listed) -> str:
    """The first places of their category page in one line."""
    order = "their own order" if listed.is_own_order else _REASONS.get(listed.strategy, _plain(listed.strategy))
    names = ", ".join(name or item_id for item_id, name, _ in listed.items)
    return f"Category page '{listed.category}' ({order}): {names}."


def _plain(code: str) -> str:
    return code.replace("_", " ")
