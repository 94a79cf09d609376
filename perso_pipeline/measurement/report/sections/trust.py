"""What to trust and what not: every check as one line, the worst first."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.report.data import ReportData, Row
from perso_pipeline.measurement.report.html import Cell, Column, bullets, folded, h, paragraph, table, tag
from perso_pipeline.measurement.report.words import count, day, listed, percent, plain, share

_SENSES = {"fault": "bad", "take care": "warn", "cannot tell": "soft", "sound": "good"}
_COUNTED = {
    "fault": "found a fault",
    "take care": "ask for care",
    "cannot tell": "cannot tell yet",
    "sound": "are sound",
}
_OF_STATUS = {"broken": "fault", "too few to tell": "cannot tell", "sound": "sound"}
_CHECKS = {
    "sample_ratio": "Arms have the sizes of their split",
    "alike_before_in_orders": "Arms were alike before, in orders",
    "alike_before_in_net_revenue": "Arms were alike before, in revenue",
    "served_as_assigned": "Visitors were served what their arm is due",
    "orders_arrive": "Orders of both arms arrive",
}


class Finding(NamedTuple):
    """A check, how it stands (a key of ``_SENSES``), and one sentence."""

    check: str
    state: str
    sentence: str


def findings(data: ReportData, config: MeasurementConfig) -> list[Finding]:
    """All checks, the worst first."""
    found = [
        _ledger(data), _explained(data), _converted(data), *_health(data), *_mixed(data), _own_test(data),
        _small_cells(data), _known_buyers(data), _false_finds(data, config), _readiness(data),
    ]  # fmt: skip
    order = list(_SENSES)
    return sorted(found, key=lambda one: order.index(one.state))


def summary(found: Sequence[Finding]) -> str:
    """One line below the headline."""
    states = {state: [one for one in found if one.state == state] for state in _SENSES}
    if any(one.check == "Figures add up to the orders" for one in states["fault"]):
        return f'<p class="verdict bad">{h("Do not use this report: its figures do not add up to the orders.")}</p>'
    said = [f"{len(ones)} {_COUNTED[state]}" for state, ones in states.items() if ones]
    sense = "warn" if states["fault"] or states["take care"] else "good"
    adds_up = '<span class="good">Every amount adds up to the orders.</span>'
    checks = f'<span class="{sense}">{h(f"Of {len(found)} checks {listed(said)}.")}</span>'
    return f'<p class="verdict">{adds_up} {checks} <a href="#trust">What to trust</a></p>'


def checklist(data: ReportData, config: MeasurementConfig) -> str:
    """The table of checks, and behind it readiness and the differences in full."""
    columns = [Column("Check", "wrap"), Column("State"), Column("What was found", "wrap")]
    body: list[list[Cell]] = [
        [one.check, tag(one.state, _SENSES[one.state]), one.sentence] for one in findings(data, config)
    ]
    differences = bullets(data.differences)
    return differences + table(columns, body, caption="Checks of this report") + _arrivals(data)


def _ledger(data: ReportData) -> Finding:
    check = "Figures add up to the orders"
    if data.differences:
        return Finding(check, "fault", f"{len(data.differences)} figures differ from the order movements; see above.")
    if not data.window:
        return Finding(check, "cannot tell", "The night has no report window.")
    window = data.window[0]
    period = f"{day(window['starts_on'])} to {day(window['ends_on'])}"
    return Finding(check, "sound", f"All {count(data.movements)} order movements of {period}, to the cent.")


def _explained(data: ReportData) -> Finding:
    check = "Changes of earlier reports are explained"
    unexplained = [row for row in data.restatement if row["cause"] == "unexplained"]
    if unexplained:
        days = sum(row["days"] for row in unexplained)
        return Finding(check, "fault", f"Figures of {count(days)} days changed for no reason that is known.")
    if not data.since:
        return Finding(check, "cannot tell", "There is no earlier report.")
    causes = len({row["cause"] for row in data.restatement})
    words = f"Every change has its cause, of {count(causes)} kinds." if causes else "No figure has changed."
    return Finding(check, "sound", words)


def _converted(data: ReportData) -> Finding:
    check = "Amounts are in the site's currency"
    missing = data.window[0]["unconverted"] if data.window else None
    if missing:
        words = f"{count(missing)} movements have no exchange rate and are not on this page; the tables have them."
        return Finding(check, "take care", words)
    return Finding(check, "sound", "Every movement has an exchange rate of its day or needs none.")


def _health(data: ReportData) -> Iterator[Finding]:
    """One finding per experiment and check: the sites that are worst, else that all are sound."""
    if not data.health:
        yield Finding("Arms of experiments", "cannot tell", "No experiment has visitors yet.")
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in data.health:
        groups.setdefault((row["experiment_id"], row["check_name"]), []).append(row)
    for (experiment_id, check_name), rows in groups.items():
        sites = [row for row in rows if row["site_id"] != "all"]
        told = [row for row in rows if row not in sites and _OF_STATUS[row["status"]] != "cannot tell"]
        known = told + sites or rows
        state = min((_OF_STATUS[row["status"]] for row in known), key=list(_SENSES).index)
        shown = [row for row in known if _OF_STATUS[row["status"]] == state]
        shown = [row for row in shown if row["site_id"] == "all"] or shown
        words = " ".join(
            row["sentence"] if row["site_id"] == "all" else f"{data.site_name(row['site_id'])}: {row['sentence']}"
            for row in shown
        )
        yield Finding(f"{_CHECKS.get(check_name, plain(check_name))} ({plain(experiment_id)})", state, words)


def _mixed(data: ReportData) -> Iterator[Finding]:
    for row in data.mixing:
        if row["units"]:
            part = row["mixed_units"] / row["units"]
            words = (
                f"{count(row['mixed_units'])} of {count(row['units'])} visitors belong to people with devices in both "
                f"arms, {count(row['switched_units'])} were served both; they stay in, and blur the effect."
            )
            state = "take care" if part > 0.01 or row["switched_units"] else "sound"
            yield Finding(f"People stay in one arm ({plain(row['experiment_id'])})", state, words)


def _own_test(data: ReportData) -> Finding:
    check = "Measurement tested on itself"
    tested = [row for row in data.self_tests if row["share"] is not None]
    if not tested:
        return Finding(check, "cannot tell", "Too few visitors to split them again by chance and look.")
    failed = [row for row in tested if row["status"] != "holds"]
    splits = max(row["splits"] for row in tested)
    if failed:
        sites = listed(sorted({data.site_name(row["site_id"]) for row in failed}))
        words = f"{len(failed)} of {len(tested)} tests over {splits} random splits fail ({sites})."
        return Finding(check, "fault", words)
    words = f"All {len(tested)} tests hold: over {splits} random splits intervals err as often as they promise."
    return Finding(check, "sound", words)


def _small_cells(data: ReportData) -> Finding:
    pooled = {
        (row["experiment_id"], row["site_id"], row["dimension"], cell)
        for row in data.lift_cells
        for cell in row["pooled_cells"] or []
    }
    words = f"{count(len(pooled))} cells are too small and are judged together, under their names."
    return Finding("Small cells", "sound", words)


def _known_buyers(data: ReportData) -> Finding:
    parts = []
    for row in data.totals:
        unknown = [c["net"] for c in data.cells if (c["site_id"], c["segment_id"]) == (row["site_id"], "unknown")]
        parts.append(f"{data.site_name(row['site_id'])} {percent(share(sum(unknown, Decimal(0)), row['net']))}")
    words = f"Share of net revenue whose buyer nobody knows: {listed(parts)}." if parts else "No order is known."
    return Finding("Buyers are known", "sound" if parts else "cannot tell", words)


def _false_finds(data: ReportData, config: MeasurementConfig) -> Finding:
    judged = [row for row in data.lift_cells if row["q_value"] is not None]
    if not judged:
        return Finding("Many comparisons", "cannot tell", "No cell has visitors enough to be judged.")
    found = sum(row["verdict"] in {"better", "worse"} for row in judged)
    words = (
        f"{count(len(judged))} effects in cells were judged and {count(found)} called better or worse; of such calls "
        f"{percent(config.false_discoveries, 0)} or fewer are to be expected by chance (Benjamini and Hochberg)."
    )
    return Finding("Many comparisons", "sound", words)


def _readiness(data: ReportData) -> Finding:
    check = "Data arrives"
    alive = {row["site_id"] for row in data.readiness if row["status"] != "missing"}
    rows = [row for row in data.readiness if row["site_id"] in alive]
    if not rows:
        return Finding(check, "cannot tell", "Nothing was delivered in 28 days.")
    lacking = [row for row in rows if row["status"] != "ready"]
    if not lacking:
        return Finding(check, "sound", "Every event that a feature needs arrived in the last 28 days.")
    names = sorted({plain(row["event_type"]) for row in lacking})
    return Finding(check, "take care", f"Few or none arrived in 28 days of: {listed(names)}.")


def _arrivals(data: ReportData) -> str:
    """Sites side by side: did the events arrive that each feature needs."""
    alive = sorted({row["site_id"] for row in data.readiness if row["status"] != "missing"})
    silent = [data.site_name(row["site_id"]) for row in data.sites if row["site_id"] not in alive]
    by_need: dict[tuple[str, str], dict[str, Row]] = {}
    for row in data.readiness:
        by_need.setdefault((row["event_type"], row["needed_for"]), {})[row["site_id"]] = row
    columns = [Column("Event"), Column("Needed for"), *(Column(data.site_name(site)) for site in alive)]
    body: list[list[Cell]] = [
        [plain(event), need, *(_state(states[site]) for site in alive)] for (event, need), states in by_need.items()
    ]
    note = paragraph(f"Nothing was delivered for {listed(silent)}.", kind="soft") if silent else ""
    shown = table(columns, body, caption="Events of the last 28 days that each feature needs") if alive else ""
    return note + (folded("Events of the last 28 days that each feature needs", shown) if shown else "")


def _state(row: Row) -> Cell:
    word = {"ready": "arrives", "few": f"few: {row['events_28d']:,}", "missing": "missing"}[row["status"]]
    return tag(word, {"ready": "good", "few": "warn", "missing": "bad"}[row["status"]])
