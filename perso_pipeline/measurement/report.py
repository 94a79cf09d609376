"""The page a manager opens: one HTML file without script or network, and a CSV beside it.

Figures come from ``report_data.py``, parts from ``report_sections.py``. Keep queries out.
"""

import os
from pathlib import Path

from perso_pipeline.measurement import report_sections as sections
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.export import csv_text
from perso_pipeline.measurement.html import h
from perso_pipeline.measurement.report_data import ReportData
from perso_pipeline.measurement.report_style import CSS
from perso_pipeline.measurement.words import day, headline

# ruff: noqa: E501  (sentences for people, one per entry)

DEFINITIONS = {
    "Net revenue": "Gross less discounts, cancellations and refunds, plus adjustments. Taxes as delivered. All of it is booked "
    "on the day of the order, so that a day's net shrinks when its goods come back.",
    "Refunded in the period": "What was paid back in the period, whenever the goods were bought. Beside it, Refunded is what "
    "was paid back on the orders of the period, until tonight.",
    "Margin": "Net revenue less cost, over lines whose cost is known.",
    "Orders": "Each order counts once, with its dearest line.",
    "Channel": "How the visit began in which the order was placed: offline where the order has no visitor, unknown where its "
    "visit is not known.",
    "Segment": "The buyer's first matching segment tonight, not on the day of the order.",
    "Through recommendations": "The order line names the recommendation request it came from. Such revenue was not "
    "necessarily added by recommendations: the effect says what was.",
    "Impressions, CTR": "Requests whose list was rendered; clicks per impression. Requests clicked is the share of all "
    "requests served that were clicked.",
    "Effect": "Visitors who were shown recommendations against those from whom they were held back by chance, from each "
    "visitor's first request on, buyers or not. The interval holds the true effect in 95 of 100 such comparisons.",
    "Arms": "Whether both groups have the sizes that the split promises. Where they do not, somebody is missing and no "
    "effect is stated.",
}


def report_html(data: ReportData, config: MeasurementConfig) -> str:
    """The whole page; every value from outside is escaped."""
    window = data.window[0]
    period = f"{day(max(window['starts_on'], data.first_order_date))} to {day(window['ends_on'])}"
    words = headline(data.totals, data.lift, night=data.night, days=data.recent_days, confidence=config.confidence)
    terms = "".join(f"<dt>{h(term)}</dt><dd>{h(text)}</dd>" for term, text in DEFINITIONS.items())
    parts = [
        f"<h1>Revenue and recommendations</h1><p class='soft'>As known on the night of {h(day(data.night))}</p>",
        f'<p class="headline">{h(words)}</p>',
        sections.cards(data),
        _section(
            "Revenue by day and channel", f"Net revenue by day of the order, {period}.", sections.revenue_by_day(data)
        ),
        _section("What recommendations added", "Shown against held back, by chance.", sections.lift(data, config)),
        _section(
            "Revenue by channel, segment and recommendation",
            f"Orders of {period}. The {sections.TOP_CELLS} largest cells; report.csv has all, by day.",
            sections.revenue_cells(data) + sections.trust(data),
        ),
        _section(
            "What became of the recommendations",
            f"Requests of the last {data.recent_days} days, robots left out.",
            sections.funnel(data),
        ),
        _section(
            "Did the data arrive?", "Events of the last 28 days that each feature needs.", sections.readiness(data)
        ),
        f'<h2>Terms</h2><dl class="terms">{terms}</dl>',
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Revenue and recommendations, {data.night.isoformat()}</title><style>{CSS}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def write_report(data: ReportData, config: MeasurementConfig, folder: Path) -> Path:
    """Write ``report.html`` and ``report.csv`` into the folder, each whole or not at all; returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "report.csv", csv_text(data.export))
    page = folder / "report.html"
    _replace(page, report_html(data, config))
    return page


def _section(title: str, caption: str, body: str) -> str:
    return f'<section><h2>{h(title)}</h2><p class="soft">{h(caption)}</p>{body}</section>'


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
