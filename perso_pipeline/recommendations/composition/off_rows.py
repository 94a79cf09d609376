"""The tables of what did not get in: candidates taken off, and lists that stayed short."""

from datetime import date

import numpy as np
import pyarrow as pa

from perso_pipeline.recommendations.composition.lists import Made
from perso_pipeline.recommendations.composition.pairs import Indices
from perso_pipeline.recommendations.composition.part import PartReader
from perso_pipeline.recommendations.composition.rows import REJECTIONS, SHORT_LISTS, Words, coded, key_columns
from perso_pipeline.recommendations.scenarios import Scenario


def rejection_table(made: Made, scenario: Scenario, reader: PartReader, *, night: date) -> pa.Table:
    """``REJECTIONS``: what was taken off from the first places, each pair of subject and item once."""
    rejected = [(s[top], i[top], c[top]) for s, i, c, top in made.rejected]
    subject, item, code = (
        np.concatenate([one[n] for one in rejected] or [np.zeros(0, np.int64)]).astype(np.int64) for n in range(3)
    )
    order = np.lexsort((item, subject))
    subject, item, code = subject[order], item[order], code[order]
    key = key_columns(subject, scenario, reader, night=night)
    reasons = made.setting.reasons
    rule = Words()
    columns = {
        **key,
        "rule": rule.column(rule.numbers([word for word, _ in reasons])[code]),
        "rule_id": coded(code, pa.array([name for _, name in reasons], pa.string())),
        "item_id": coded(item, reader.catalogue.item_ids),
    }
    return pa.table({field.name: columns[field.name] for field in REJECTIONS})


def short_table(made: Made, scenario: Scenario, reader: PartReader, *, night: date) -> pa.Table:
    """``SHORT_LISTS``: lists with empty slots, and why."""
    filled = np.zeros(len(reader.subjects), np.int64)
    for slots in made.slots:
        filled += np.bincount(slots.subject, minlength=len(filled))
    short = made.who[filled[made.who] < scenario.size]
    texts = _reasons(short, filled, made, reader)
    columns = {
        **key_columns(short, scenario, reader, night=night),
        "size": pa.array(np.full(len(short), scenario.size, np.int32)),
        "filled": pa.array(filled[short].astype(np.int32)),
        "reason": pa.array(texts, pa.string()),
    }
    return pa.table({field.name: columns[field.name] for field in SHORT_LISTS})


def _reasons(short: Indices, filled: Indices, made: Made, reader: PartReader) -> list[str]:
    """What the levels offered, and how many items what took off.

    Of what holds for every list of a site the items of the catalogue are counted, of the rest those that came up.
    """
    if not len(short):
        return []
    stands, catalogue = made.setting, reader.catalogue
    names = [rule_id if rule_id and word != "page" else word for word, rule_id in stands.reasons]
    by_site: dict[int, dict[str, int]] = {}
    item_code = stands.limits.judged.item_code
    for code in range(len(names)):
        if code not in stands.own:
            counts = np.bincount(
                catalogue.site[(item_code == code) & catalogue.is_known], minlength=len(catalogue.sites)
            )
            for site, count in enumerate(counts.tolist()):
                if count:
                    by_site.setdefault(site, {})[names[code]] = count
    is_short = np.zeros(len(reader.subjects), bool)
    is_short[short] = True
    own: dict[int, dict[str, int]] = {}
    seen: set[tuple[int, int]] = set()
    for subject, item, code_, _ in made.rejected:
        at = np.flatnonzero(is_short[subject] & np.isin(code_, list(stands.own)))
        for who, what, why in zip(subject[at].tolist(), item[at].tolist(), code_[at].tolist(), strict=True):
            if (who, what) not in seen:
                seen.add((who, what))
                counted = own.setdefault(who, {})
                counted[names[why]] = counted.get(names[why], 0) + 1
    texts = []
    for who in short.tolist():
        counts_of = {**by_site.get(int(reader.subjects.site[who]), {}), **own.get(who, {})}
        taken = ", ".join(f"{name} {count}" for name, count in sorted(counts_of.items()))
        texts.append(f"the levels offer {filled[who]} that may be shown; taken off: {taken or 'none'}")
    return texts
