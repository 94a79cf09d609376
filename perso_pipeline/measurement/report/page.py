"""The page as one HTML file that loads nothing, and the tables beside it.

The page's own style and script stand in ``page.css`` and ``page.js`` and are allowed by their hashes alone. Parts come
from ``sections``; keep queries and figures out.
"""

import base64
import hashlib
import os
from pathlib import Path

from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.report.data import RECENT_DAYS, ReportData
from perso_pipeline.measurement.report.html import h
from perso_pipeline.measurement.report.sections import (
    attribution,
    business,
    effect,
    funnel,
    restatement,
    revenue,
    trust,
)
from perso_pipeline.measurement.report.words import day, headline, percent

TABLES = "tables"
"""Folder beside the page with the tables that it links."""

# ruff: noqa: E501  (sentences for people, one per entry)

DEFINITIONS = {
    "Net revenue": "Gross less discounts, cancellations and refunds, plus adjustments, in the site's currency at the rate of "
    "the order's day. Taxes as delivered. All of it is booked on the day of the order, so that a day's net shrinks when its "
    "goods come back.",
    "Refunded": "What was paid back until tonight on the orders of the period. Refunded in these days is what was paid back in "
    "the period, whenever the goods were bought.",
    "Margin": "Net revenue less cost, over lines whose cost is known.",
    "Orders": "Each order counts once, with its dearest line.",
    "Channel": "How the visit began in which the order was placed: offline where the order has no visitor, unknown where its "
    "visit is not known.",
    "Segment": "The buyer's first matching segment tonight, not on the day of the order. A person in several segments counts once.",
    "Through recommendations": "The order line names the recommendation list it came from. Such revenue was not "
    "necessarily added by recommendations: the effect says what was.",
    "Drawn, seen, clicked": "Drawn: the list stood on the page. Seen: something of it was in view. CTR per list drawn is items "
    "clicked by lists drawn (Adobe's CTR), CTR per list served is items clicked by lists served (Ibexa's).",
    "Claimed twice": "What scenarios claim under a rule beyond what they are credited: lines that more than one of them claims.",
    "Effect": "Visitors who were shown recommendations against those from whom they were held back by chance, from each "
    "visitor's first list on, buyers or not.",
    "Interval at every look": "Holds the true effect in {confidence} of experiments even though somebody looks every night; verdicts "
    "follow it. The interval at one look is narrower and only holds if nobody looks before.",
    "Better, worse": "The interval at every look leaves out zero. No difference larger than x: the interval is so narrow that a "
    "larger one is ruled out. Not enough data: neither. Broken: a check of the experiment failed, so nothing is said.",
    "As known on": "Late orders, refunds, merged people and erasures change past days. Each night's page says what was known then.",
}


def headline_of(data: ReportData) -> str:
    """The night in one sentence."""
    return headline(data.totals, data.lift, night=data.night, days=RECENT_DAYS)


def report_html(data: ReportData, config: MeasurementConfig, tables: tuple[str, ...] = ()) -> str:
    """The whole page; every value from outside is escaped. ``tables`` are files to link, relative to the page."""
    recent = f"the {RECENT_DAYS} days to {day(data.night)}"
    confidence = percent(config.confidence, 0)
    terms = "".join(
        f"<dt>{h(term)}</dt><dd>{h(text.format(confidence=confidence))}</dd>" for term, text in DEFINITIONS.items()
    )
    sections = {
        "revenue": ("Revenue over time", f"Net revenue by day of the order and channel, {day(data.first_date)} to {day(data.night)}.",
                    revenue.over_time(data)),
        "added": ("What recommendations added", "Visitors shown lists against visitors held back, by chance.",
                  effect.effects(data, config)),
        "where": ("Where they added it", "The same effect within channels, segments and scenarios.", effect.cells(data, config)),
        "cells": ("Revenue by channel, segment and recommendation", f"Orders of {recent}.", revenue.cells(data)),
        "funnel": ("What became of the lists", f"Lists of {recent}, robots left out.", funnel.funnel(data)),
        "attribution": ("Whom revenue is credited to", f"Orders of {recent} by four rules for recommendations and four for channels.",
                        attribution.rules(data)),
        "business": ("How business goes", f"The last {RECENT_DAYS} days beside as many before, and what customers are worth.",
                     business.business(data)),
        "changes": ("What changed since the report before", "Late records, refunds, merged people and erasures change past days.",
                    restatement.changes(data)),
        "trust": ("What to trust and what not", "Every check of the figures above, the worst first.", trust.checklist(data, config)),
        "terms": ("Terms", "What the words of this page mean.", f'<dl class="terms">{terms}</dl>'),
        "tables": ("The tables", "Every figure, as CSV for a spreadsheet and as Parquet.", _links(tables)),
    }  # fmt: skip
    links = "".join(f'<a href="#{key}">{h(title)}</a>' for key, (title, _, _) in sections.items())
    body = "".join(_section(key, *parts) for key, parts in sections.items())
    style, script = (_beside(name) for name in ("page.css", "page.js"))
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>Revenue and recommendations, {data.night.isoformat()}</title><style>{style}</style></head>"
        f'<body><main><header><h1>Revenue and recommendations</h1><p class="soft">As known on the night of '
        f'{h(day(data.night))}</p><p class="headline">{h(headline_of(data))}</p>{trust.summary(trust.findings(data, config))}'
        f'{revenue.cards(data)}<nav aria-label="Sections">{links}</nav></header>{body}</main>'
        f"<script>{script}</script></body></html>\n"
    )


def write_page(data: ReportData, config: MeasurementConfig, folder: Path, *, tables: tuple[str, ...] = ()) -> Path:
    """Write ``report.html`` into the folder, whole or not at all; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    draft = page.with_name(f".{page.name}.{os.getpid()}")
    draft.write_text(report_html(data, config, tables), encoding="utf-8")
    draft.replace(page)
    return page


def _section(key: str, title: str, caption: str, body: str) -> str:
    head = f'<h2 id="{key}-title">{h(title)}</h2><p class="soft">{h(caption)}</p>'
    return f'<section id="{key}" aria-labelledby="{key}-title">{head}{body}</section>'


def _links(tables: tuple[str, ...]) -> str:
    """A line per table with its files."""
    if not tables:
        return "<p>No table was written beside this page.</p>"
    files: dict[str, list[str]] = {}
    for path in tables:
        files.setdefault(Path(path).stem, []).append(path)
    links = {
        name: ", ".join(f'<a href="{h(path)}">{h(Path(path).suffix[1:])}</a>' for path in paths)
        for name, paths in files.items()
    }
    lines = "".join(f"<li>{h(name)}: {link}</li>" for name, link in links.items())
    return f'<ul class="files">{lines}</ul>'


def _beside(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
