"""What stands over one scenario's lists in one part: codes of what takes items off, limits, pins, caps.

From the words of config to the arrays that ``arrange`` follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from perso_pipeline.recommendations.composition.arrange import Cap, Limits, Pinned
from perso_pipeline.recommendations.composition.history import shown_too_often
from perso_pipeline.recommendations.composition.pairs import NOTHING, Indices, Pairs
from perso_pipeline.recommendations.composition.part import PartReader
from perso_pipeline.recommendations.composition.ranking import Judged
from perso_pipeline.recommendations.composition.rules import ActiveRule, AnyRule, of_kind, value_codes
from perso_pipeline.recommendations.composition.turns import EMPTY
from perso_pipeline.recommendations.levels import UNAVAILABLE, Filter
from perso_pipeline.recommendations.merchandising import Exclude, Include, Moved, Pin, Repeat, Variety
from perso_pipeline.recommendations.scenarios import Scenario
from perso_pipeline.recommendations.subjects import ITEM_RULES, OWN_RULES

PAGE = "page"
Reason = tuple[str, str | None]  # the filter or kind of rule, and the rule's id or the page's


@dataclass(frozen=True, slots=True)
class Page:
    """What stands on a page already: subject and item of every slot filled so far."""

    subject: Indices
    item: Indices

    @classmethod
    def empty(cls) -> "Page":
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))

    def with_more(self, other: "Page") -> "Page":
        return Page(np.concatenate([self.subject, other.subject]), np.concatenate([self.item, other.item]))


@dataclass(frozen=True, slots=True)
class Setting:
    """All that one scenario's lists are filled under.

    Attributes:
        rules: Merchandising rules over the scenario, in order.
        reasons: What each code stands for.
        own: Codes of what takes an item off for single subjects.
        limits: For ``arrange``.
        pins: For ``arrange``, and the rule of each.
    """

    rules: tuple[AnyRule, ...]
    reasons: tuple[Reason, ...]
    own: frozenset[int]
    limits: Limits
    pins: tuple[Pinned, ...]
    pin_rules: tuple[ActiveRule[Pin], ...]


def setting(scenario: Scenario, rules: Sequence[AnyRule], reader: PartReader, page: Page, *, night: date) -> Setting:
    """Put together what stands over the lists of ``scenario``."""
    catalogue, count = reader.catalogue, len(reader.subjects)
    judging, moving = of_kind(rules, Include, Exclude), of_kind(rules, Moved)
    repeats, varieties = of_kind(rules, Repeat), of_kind(rules, Variety)
    filters = [rule for rule in scenario.filters if rule is not Filter.VARIANTS]
    reasons: list[Reason] = [(UNAVAILABLE, None), *((str(rule), None) for rule in filters)]
    reasons += [(r.rule.kind, r.rule.id) for r in judging] + [(r.rule.kind, r.rule.id) for r in repeats]
    reasons += [(PAGE, scenario.page), (str(Filter.VARIANTS), None)]
    reasons += [(r.rule.kind, r.rule.id) for r in varieties]
    code = {reason: n for n, reason in enumerate(reasons)}

    item_code = np.full(len(catalogue), NOTHING, np.uint8)
    for rule in reversed([rule for rule in filters if rule in ITEM_RULES]):
        item_code[catalogue.is_off[rule]] = code[str(rule), None]
    item_code[catalogue.is_off[""]] = 0
    judged: tuple[AnyRule, ...] = (*judging, *moving)
    codes = (*(code[r.rule.kind, r.rule.id] for r in judging), *(0 for _ in moving))
    has_variants = Filter.VARIANTS in scenario.filters
    own = [rule for rule in filters if rule in OWN_RULES]
    excluded = [(*reader.excluded(rule, scenario), code[str(rule), None]) for rule in own]
    excluded += [(*shown_too_often(r, scenario, reader, night=night), code["repeat", r.rule.id]) for r in repeats]
    page_key = catalogue.family if has_variants else np.arange(len(catalogue))
    families = np.full((count, 0), EMPTY, np.int64)
    if has_variants and reader.context.shape[1]:
        families = np.where(reader.context >= 0, catalogue.family[reader.context], EMPTY)
    limits = Limits(
        judged=Judged(item_code, judged, codes),
        excluded=Pairs(excluded, items=len(catalogue)),
        page=Pairs([(page.subject, page_key[page.item], code[PAGE, scenario.page])], items=len(catalogue)),
        page_key=page_key,
        family=catalogue.family if has_variants else None,
        variants_code=code[str(Filter.VARIANTS), None],
        context_families=families,
        caps=tuple(_cap(r, reader, code["variety", r.rule.id]) for r in varieties),
    )
    pin_rules = tuple(r for r in of_kind(rules, Pin) if r.rule.position <= scenario.size)
    return Setting(
        rules=tuple(rules),
        reasons=tuple(reasons),
        own=frozenset(n for reason, n in code.items() if n and reason[0] not in ITEM_RULES),
        limits=limits,
        pins=tuple(_pinned(r, reader) for r in pin_rules),
        pin_rules=pin_rules,
    )


def _cap(rule: ActiveRule[Variety], reader: PartReader, code: int) -> Cap:
    columns, _ = value_codes(reader.catalogue, rule.rule.by, rule.rule.levels)
    depth = (columns >= 0).sum(axis=1) - 1  # the deepest level that an item has
    value = np.where(depth >= 0, columns[np.arange(len(columns)), np.maximum(depth, 0)], EMPTY)
    return Cap(rule.in_force, value, rule.rule.at_most, code)


def _pinned(rule: ActiveRule[Pin], reader: PartReader) -> Pinned:
    """The pinned item of each subject's site."""
    catalogue = reader.catalogue
    named = np.array([name == rule.rule.item for name in catalogue.item_ids.to_pylist()], bool)
    found = np.flatnonzero(named & catalogue.is_known)
    by_site = np.full(len(catalogue.sites) + 1, EMPTY, np.int64)  # the last for subjects of a site without items
    by_site[catalogue.site[found]] = found
    return Pinned(rule.in_force, by_site[reader.subjects.site], rule.rule.position - 1)
