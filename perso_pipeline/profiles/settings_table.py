"""``profiles.settings``: the owner's settings as rows, so that SQL reads them like any other table.

Keep their meaning in ``config.py``.
"""

from datetime import date

import pyarrow as pa

from perso_pipeline.profiles.config import ANY_SOURCE, CONSENTS, ProfilesConfig, SourcePrecedence

SCHEMA = pa.schema(
    [
        ("night", pa.date32()),
        ("topic", pa.string()),
        ("name", pa.string()),
        ("detail", pa.string()),
        ("number", pa.float64()),
    ]
)


def settings_table(config: ProfilesConfig, night: date) -> pa.Table:
    """One row per setting: night, topic, name, detail, number; sorted by the first four.

    Topics: ``precedence`` (name = attribute, detail = source system, number = its place; 0 throughout where the
    newest statement counts), ``affinities``, ``half_life_days``, ``event_weight``, ``item_segment``.
    """
    consent = SourcePrecedence(rule="latest", sources=(ANY_SOURCE,))
    attributes = dict.fromkeys(CONSENTS, consent) | config.attributes
    rows: list[tuple[str, str, str, float]] = [
        ("precedence", name, source, float(place) if precedence.rule == "trusted" else 0.0)
        for name, precedence in attributes.items()
        for place, source in enumerate(precedence.sources)
    ]
    taste = config.affinities
    rows += [("affinities", name, "", float(getattr(taste, name))) for name in ("horizon_days", "hot_days", "keep")]
    rows += [("half_life_days", kind, "", days) for kind, days in taste.half_life_days.items()]
    rows += [("event_weight", event, "", weight) for event, weight in taste.event_weights.items()]
    rows += [("item_segment", name, "", float(value)) for name, value in config.item_segments.model_dump().items()]
    return pa.Table.from_pylist(
        [
            {"night": night, "topic": topic, "name": name, "detail": detail, "number": number}
            for topic, name, detail, number in sorted(rows)
        ],
        schema=SCHEMA,
    )
