"""Readiness in Dagster, with the pages of a few people as metadata. Thin: the work is in the modules beside."""

from datetime import date

import dagster as dg

from perso_pipeline.recommendations.readiness import words
from perso_pipeline.recommendations.readiness.measure import TABLE, measure_readiness
from perso_pipeline.recommendations.readiness.personas import personas
from perso_pipeline.recommendations.readiness.preview import SitePreview, preview
from perso_pipeline.recommendations.scenarios import read_scenarios
from perso_pipeline.resources.display import cell, markdown_table
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource

_SHOWN = 6  # places of a list in the UI
_REASON_LENGTH = 200


@dg.asset(
    key=["recommendations", "scenario_readiness"],
    group_name="recommendations",
    kinds={"python", "duckdb"},
    owners=["team:perso"],
    partitions_def=NIGHTLY,
    deps=[
        ["recommendations", "recommendations"],
        ["recommendations", "recommendation_trace"],
        ["recommendations", "recommendation_rejections"],
        ["recommendations", "short_lists"],
        ["recommendations", "category_ranking"],
        ["recommendations", "personal_category_ranking"],
        ["segments", "primary_segment"],
        ["activation", "navigation"],
        ["measurement", "readiness"],
    ],
    pool="warehouse",
)
def scenario_readiness(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.MaterializeResult[None]:
    """One row per night, site, scenario and segment: fill, levels, variety, events, verdict and reason."""
    night, store = date.fromisoformat(context.partition_key), warehouse.open()
    scenarios = read_scenarios(settings.get().config_dir)
    rows = measure_readiness(store, scenarios, night=night)
    store.write_partition(TABLE, rows, {"night": night})
    shown = rows.select(["site_id", "scenario_id", "segment_id", "lists", "readiness", "verdict", "reason"])
    pages = {}
    with store.connect(read_only=True, purpose="previews"):  # held open: a hundred look-ups that open it cost 5 s
        for kind, site_id, person in personas(store, night=night):
            seen = preview(store, scenarios, person, site_id=site_id, as_of=night)
            pages[f"page of one who {kind}"] = dg.MetadataValue.md("\n\n".join(map(_pages, seen.sites)))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.num_rows,
            "night": night.isoformat(),
            "readiness": dg.MetadataValue.md(markdown_table(shown, limit=60, longest=_REASON_LENGTH)),
            **pages,
        }
    )


def _pages(site: SitePreview) -> str:
    """A person's pages on one site as Markdown."""
    lines = [cell(words.about(site), None), ""]
    for page in site.pages:
        lines += [f"**{cell(words.heading(page), None)}**", "", "| | item | why |", "|---|---|---|"]
        lines += [
            f"| {slot.rank} | {cell(slot.name or slot.item_id)} | {cell(words.why(slot, page), _REASON_LENGTH)} |"
            for slot in page.slots[:_SHOWN]
        ]
        lines += ["", *(f"- left out, {cell(line, _REASON_LENGTH)}" for line in words.removed(page)), ""]
    lines += [cell(words.menu(site) or "", None), ""]
    if site.category:
        lines.append(cell(words.category(site.category), None))
    return "\n".join(lines)
