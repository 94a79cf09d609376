"""What a dbt invocation left behind, put in words for the UI: counts, columns, previews, what failed.

Keep the calling of dbt in ``dbt``.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import duckdb

from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.warehouse import DuckDBWarehouse

PREVIEW_ROWS = 5
_PREVIEW_COLUMNS = 12

Pictures = Callable[[duckdb.DuckDBPyConnection, str], Mapping[str, str]]
"""Takes a connection and the night (YYYY-MM-DD), returns Markdown by title."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one model or test."""

    unique_id: str
    status: str
    message: str
    seconds: float
    failures: int | None

    @classmethod
    def of(cls, result: Any) -> "NodeResult":
        return cls(
            result.node.unique_id, str(result.status), result.message or "", result.execution_time, result.failures
        )

    @property
    def is_failed(self) -> bool:
        return self.status in {"error", "fail", "runtime error"}


def results_for_dagster(
    results: Sequence[NodeResult],
    *,
    manifest: Mapping[str, Any],
    checks: Container[dg.AssetCheckKey],
    store: DuckDBWarehouse,
    night: str | None,
    is_one_night: bool,
    pictures: Mapping[str, Pictures],
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """A materialization per model made, and a check result per test.

    Columns and preview are given for one night only: Dagster stores them once for each night of a range. ``pictures``
    are shown beside them, by name of the table.
    """
    with store.connect(read_only=True, purpose="describing dbt's tables") as connection:
        for result in results:
            node = manifest["nodes"][result.unique_id]
            if node["resource_type"] == "model" and result.status == "success":
                yield dg.MaterializeResult(
                    asset_key=[node["schema"], node["alias"]],
                    metadata={
                        "seconds": round(result.seconds, 2),
                        **_metadata(connection, node, night, is_one_night=is_one_night),
                        **_pictures(connection, pictures.get(node["alias"]), night),
                    },
                )
            elif node["resource_type"] == "test" and result.status != "skipped":
                parent = manifest["nodes"].get(_tested(node))
                if parent is None:
                    continue
                key = dg.AssetCheckKey(dg.AssetKey([parent["schema"], parent["alias"]]), node["name"])
                if key in checks:
                    yield _check(key, node, result)


def failed_sentence(results: Sequence[NodeResult]) -> str:
    """One sentence that names what failed first, with dbt's own message; empty where nothing did."""
    failed = [r for r in results if r.is_failed]
    if not failed:
        return ""
    more = f" ({len(failed) - 1} more)" if len(failed) > 1 else ""
    if "out of sync" in failed[0].message:
        return (
            f"Table {failed[0].unique_id.split('.')[2]} was made by another version of perso_pipeline and has other "
            f"columns{more}: make the fact tables again from raw with `perso run --rebuild-facts`."
        )
    return f"dbt {failed[0].unique_id.split('.')[2]}: {' '.join(failed[0].message.split())[:500]}{more}"


def _tested(node: Mapping[str, Any]) -> str:
    parents = node["depends_on"]["nodes"]
    wanted = node.get("config", {}).get("meta", {}).get("dagster", {}).get("ref", {}).get("name")
    by_ref = next((p for p in parents if wanted and p.split(".")[2] == wanted), "")
    return by_ref or node.get("attached_node") or (parents[0] if len(parents) == 1 else "")


def _check(key: dg.AssetCheckKey, node: Mapping[str, Any], result: NodeResult) -> dg.AssetCheckResult:
    warns = node["config"].get("severity", "error").lower() == "warn"
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=result.status == "pass",
        severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
        description=result.message or None,
        metadata={"failing_rows": result.failures or 0},
    )


def _metadata(
    connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], night: str | None, *, is_one_night: bool
) -> dict[str, Any]:
    table = f'"{node["schema"]}"."{node["alias"]}"'
    columns = connection.execute(
        "select column_name, data_type from information_schema.columns where table_schema = ? and table_name = ? "
        "order by ordinal_position",
        [node["schema"], node["alias"]],
    ).fetchall()
    where, values = ("where night = cast(? as date)", [night]) if night else ("", [])
    count: dict[str, Any] = {}
    if node["config"]["materialized"] != "view":  # counting one reads all that it is made of, over the whole history
        rows = connection.execute(f"select count(*) from {table} {where}", values).fetchone()
        count = {"dagster/row_count": rows[0] if rows else 0}
    if not is_one_night:
        return count
    words = {name: column.get("description") for name, column in node.get("columns", {}).items()}
    return {
        **count,
        "dagster/column_schema": dg.TableSchema([dg.TableColumn(c, t, description=words.get(c)) for c, t in columns]),
        "preview": dg.MetadataValue.md(_preview(connection, table, [c for c, _ in columns], where, values)),
    }


def _pictures(
    connection: duckdb.DuckDBPyConnection, pictures: Pictures | None, night: str | None
) -> dict[str, dg.MetadataValue]:
    if pictures is None or night is None:
        return {}
    return {title: dg.MetadataValue.md(text) for title, text in pictures(connection, night).items()}


def _preview(
    connection: duckdb.DuckDBPyConnection, table: str, columns: list[str], where: str, values: list[str]
) -> str:
    listed = ", ".join(f'"{column}"' for column in columns[:_PREVIEW_COLUMNS])
    rows = connection.execute(f"select {listed} from {table} {where} limit {PREVIEW_ROWS}", values)
    return markdown_table(rows.to_arrow_table())
