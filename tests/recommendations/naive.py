"""A composer that does one person at a time in plain Python: what the set-based one is held against.

``data`` is a small shop as ``random_shop`` makes it; scenarios and rules are as in the config files, as dictionaries.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from tests.recommendations.naive_conditions import holds, value_of

OWN = ("personal", "similar")


@dataclass
class List:
    """A list: item, level, score, strategy by slot; what was taken off with the rule; items moved by rules."""

    slots: list[tuple[str, int, float, str]] = field(default_factory=list)
    off: set[tuple[str, str, str | None]] = field(default_factory=set)


def page(scenarios: list[dict[str, Any]], rules: list[dict[str, Any]], data: dict[str, Any], subject: str | None):
    """Scenario id -> list, the scenarios of a page filled by priority."""
    shown: dict[str, set[str]] = {}
    made = {}
    for scenario in sorted(scenarios, key=lambda s: s.get("page_priority", 100)):
        stands = shown.setdefault(scenario["page"], set()) if scenario.get("page") else set()
        made[scenario["id"]] = Composer(scenario, rules, data, subject, stands).run()
        stands |= {item for item, *_ in made[scenario["id"]].slots}
    return made


class Composer:
    """One list."""

    def __init__(self, scenario: dict[str, Any], rules, data, subject: str | None, on_page: set[str]) -> None:
        self.scenario, self.data, self.subject, self.on_page = scenario, data, subject, set(on_page)
        self.size = scenario["size"]
        self.filters = [f for f in scenario.get("filters", []) if f != "variants"]
        self.has_variants = "variants" in scenario.get("filters", [])
        self.items = {item["item_id"]: item for item in data["items"]}
        self.is_item_page = scenario["subject"] == "item"
        self.rules = [r for r in sorted(rules, key=lambda r: r.get("priority", 100)) if self.in_force(r)]
        self.slots: list[tuple[str, int, float, str] | None] = [None] * self.size
        self.result = List()
        self.looked_at: set[str] = set()
        self.place = 0
        self.kept_for: dict[int, tuple[dict[str, Any], int]] = {}

    # whom a rule is for

    def in_force(self, rule: dict[str, Any]) -> bool:
        if rule.get("scenarios") and self.scenario["id"] not in rule["scenarios"]:
            return False
        if rule["kind"] == "repeat" and (self.is_item_page or self.subject is None):
            return False
        mine = self.data["segments"].get(self.subject, ()) if not self.is_item_page else ()
        if rule.get("segments") and not set(rule["segments"]) & set(mine):
            return False
        return all(self.reference(c) is not None for c in rule.get("where", ()) if c.get("of"))

    def reference(self, condition: dict[str, Any]) -> Any:
        if condition["of"] == "person":
            if self.is_item_page or self.subject is None:
                return None
            return self.data["favourites"].get(self.subject, {}).get(condition["attribute"])
        if not self.is_item_page or self.subject is None:
            return None
        return self.value(self.subject, condition["attribute"])

    def value(self, item: str, attribute: str) -> Any:
        return value_of(self.items[item], attribute)

    def holds(self, condition: dict[str, Any], item: str) -> bool:
        reference = self.reference(condition) if condition.get("of") else None
        return holds(self.value(item, condition["attribute"]), condition, reference)

    def means(self, rule: dict[str, Any], item: str) -> bool:
        return item in self.items and all(self.holds(condition, item) for condition in rule["where"])

    # what takes an item off

    def off(self, item: str, *, is_capped: bool = True) -> tuple[str, str | None] | None:
        of_item = self.off_by_rules(item)
        if of_item:
            return of_item
        family = self.family(item)
        shown = [slot[0] for slot in self.slots if slot]
        context = {self.family(self.subject)} if self.is_item_page and self.subject else set()
        if self.has_variants and family in {self.family(i) for i in shown} | context:
            return "variants", None
        for rule in self.rules if is_capped else ():
            if rule["kind"] == "variety":
                value = self.cut(item, rule)
                if value is not None and sum(self.cut(i, rule) == value for i in shown) >= rule["at_most"]:
                    return "variety", rule["id"]
        return None

    def off_by_rules(self, item: str) -> tuple[str, str | None] | None:
        known = self.items.get(item)
        if known is None or known["item_type"] == "service":
            return "unavailable", None
        bought, blocked = (self.data[name].get(self.subject, ()) for name in ("bought", "blocked"))
        tests = {
            "sold_out": known["stock"] == 0,
            "content": known["item_type"] == "content",
            "products": known["item_type"] == "product",
            "expired": known["valid_to"] is not None,
            "bought": item in bought,
            "blocked": item in blocked,
            "same_item": self.is_item_page and item == self.subject,
        }
        for name in self.filters:
            if tests[name]:
                return name, None
        for rule in self.rules:
            if rule["kind"] == "include" and not self.means(rule, item):
                return "include", rule["id"]
            if rule["kind"] == "exclude" and self.means(rule, item):
                return "exclude", rule["id"]
        for rule in self.rules:
            if rule["kind"] == "repeat" and self.shown_before(item, rule) >= rule["at_most"]:
                return "repeat", rule["id"]
        page = {self.family(i) for i in self.on_page} if self.has_variants else self.on_page
        if (self.family(item) if self.has_variants else item) in page:
            return "page", self.scenario["page"]
        return None

    def shown_before(self, item: str, rule: dict[str, Any]) -> int:
        nights = self.data["published"][-rule["nights"] :] if self.scenario["id"] == "home" else []
        clicked = self.data["clicked"].get(self.subject, {})
        if rule.get("unless_clicked", True) and nights and item in clicked and clicked[item] >= nights[0]:
            return 0
        return sum(item in self.data["shown"].get((self.subject, night), ()) for night in nights)

    def family(self, item: str | None) -> str:
        return self.items[item]["parent_item_id"] or item if item in self.items else str(item)

    def cut(self, item: str, rule: dict[str, Any]) -> str | None:
        value = self.value(item, rule["by"])
        return "/".join(value.split("/")[: rule.get("levels")]) if value is not None else None

    # where candidates come from

    def popularity(self, item: dict[str, Any]) -> float:
        return 10.0 * item["purchases_28d"] + 3.0 * item["cart_adds_28d"] + 1.0 * item["views_28d"]

    def candidates(self, strategy: str) -> list[tuple[str, float]]:
        prefers = None
        if self.is_item_page:
            prefers = self.items[self.subject]["category_path"] if self.subject else None
        elif self.subject is not None:
            prefers = self.data["favourites"].get(self.subject, {}).get("category")
        scores = {
            "personal": lambda: self.data["personal"].get(self.subject, {}),
            "similar": lambda: self.data["similar"].get(self.subject, {}),
            "trending": lambda: self.data["trending"],
            "popular": lambda: self.data["popular"],
            "popular_in_category": lambda: {
                i["item_id"]: self.popularity(i)
                for i in self.data["items"]
                if prefers and (i["category_path"] + "/").startswith(prefers + "/")
            },
            "catalogue": lambda: {i["item_id"]: self.popularity(i) for i in self.data["items"]},
        }[strategy]()
        return self.moved(dict(scores))

    def moved(self, scores: dict[str, float]) -> list[tuple[str, float]]:
        net = dict.fromkeys(scores, 0)
        for rule in self.rules:
            if rule["kind"] not in ("boost", "bury"):
                continue
            up = rule["kind"] == "boost"
            for item in [item for item in scores if self.means(rule, item)]:
                if "positions" in rule:
                    net[item] += rule["positions"] if up else -rule["positions"]
                elif (scores[item] >= 0) == up:
                    scores[item] *= rule["factor"]
                else:
                    scores[item] /= rule["factor"]
        order = sorted(scores, key=lambda item: (-scores[item], item))
        place = {item: n for n, item in enumerate(order)}
        sign = {item: (net[item] > 0) - (net[item] < 0) for item in order}
        order.sort(key=lambda item: (place[item] - net[item], -sign[item], place[item]))
        return [(item, scores[item]) for item in order]

    # filling

    def run(self) -> List:
        self.pin()
        self.reserve()
        levels = [level.get("mix", [{**level, "share": 1}]) for level in self.levels()]
        for number, parts in enumerate(levels, start=1):
            self.level(number, parts)
        self.result.slots = [slot for slot in self.slots if slot]
        return self.result

    def levels(self) -> list[dict[str, Any]]:
        for choice in self.scenario.get("by_segment", []):
            if choice["segment"] in self.data["segments"].get(self.subject, ()):
                return choice["levels"]
        return self.scenario["levels"]

    def pin(self) -> None:
        for rule in self.rules:
            if rule["kind"] != "pin" or rule["position"] > self.size or rule["item"] not in self.items:
                continue
            item, slot = rule["item"], rule["position"] - 1
            if any(s and s[0] == item for s in self.slots) or item in self.looked_at:
                continue
            off = self.off(item, is_capped=False)
            if off:
                self.reject(item, off)
            elif self.slots[slot] is None:
                self.slots[slot] = (
                    item,
                    len(self.scenario["levels"]) + 1,
                    self.popularity(self.items[item]),
                    "pinned",
                )

    def reject(self, item: str, off: tuple[str, str | None]) -> None:
        self.looked_at.add(item)
        self.result.off.add((item, *off))

    def reserve(self) -> None:
        for rule in self.rules:
            if rule["kind"] == "promote":
                count = math.ceil(round(rule["share"] * self.size, 9))
                for n in range(1, count + 1):
                    slot = math.ceil(n * self.size / count) - 1
                    if slot not in self.kept_for and self.slots[slot] is None:
                        self.kept_for[slot] = (rule, n)

    def next_slot(self) -> int | None:
        """The next free slot, after promotions took theirs."""
        while True:
            slot = next((n for n, s in enumerate(self.slots) if s is None and n >= self.cursor), None)
            if slot is None:
                return None
            self.cursor = slot
            if slot not in self.kept_for:
                return slot
            rule, due = self.kept_for.pop(slot)
            if sum(self.means(rule, s[0]) for s in self.slots[:slot] if s) >= due:
                return slot
            if not self.promote(rule, slot):
                return slot

    cursor = 0

    def promote(self, rule: dict[str, Any], slot: int) -> bool:
        offers = [
            (part["strategy"], 1, self.candidates(part["strategy"]))
            for level in self.levels()[:1]
            for part in (level.get("mix", [level]))
            if part["strategy"] in OWN
        ]
        rules, self.rules = self.rules, [r for r in self.rules if r["kind"] not in ("boost", "bury")]
        offers.append(("promoted", len(self.scenario["levels"]) + 1, self.candidates("catalogue")))
        self.rules = rules
        tried = self.tried.setdefault(rule["id"], set())
        for strategy, level, offered in offers:
            for item, score in offered:
                if not self.means(rule, item) or self.off_by_kind(item) or (strategy, item) in tried:
                    continue
                tried.add((strategy, item))
                if any(s and s[0] == item for s in self.slots) or self.off(item):
                    continue
                self.slots[slot] = (item, level, score, strategy)
                return True
        return False

    def off_by_kind(self, item: str) -> bool:
        """Whether it is off by itself, an include or an exclude rule: such a candidate is none of a promotion's."""
        off = self.off_by_rules(item)
        return off is not None and off[0] in (
            "unavailable",
            "sold_out",
            "content",
            "products",
            "expired",
            "include",
            "exclude",
        )

    @property
    def tried(self) -> dict[str, set[tuple[str, str]]]:
        return self.__dict__.setdefault("_tried", {})

    def level(self, number: int, parts: list[dict[str, Any]]) -> None:
        queues = [self.candidates(part["strategy"]) for part in parts]
        total = sum(part["share"] for part in parts)
        taken = [0] * len(parts)
        while self.cursor < self.size and (slot := self.next_slot()) is not None:
            left = [n for n, queue in enumerate(queues) if queue]
            if not left:
                return
            n = max(left, key=lambda n: (parts[n]["share"] / total * (sum(taken) + 1) - taken[n], -n))
            item, score = queues[n].pop(0)
            if item in self.looked_at or any(s and s[0] == item for s in self.slots):
                continue
            self.place += 1
            off = self.off(item)
            if off is None:
                self.slots[slot] = (item, number, score, parts[n]["strategy"])
                taken[n] += 1
            elif self.place <= self.size:
                self.reject(item, off)
            else:
                self.looked_at.add(item)
