"""The suites in ``expectations/``: reading them, refusing useless ones, running them in the database.

Thresholds live in the JSON files; a new file is a new gate. Keep Dagster out.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.contracts.warehouse import Value

_ROW_COUNT = "expect_table_row_count_to_be_between"
_FROM_ELSEWHERE = re.compile(
    r"<(?:link|img)[^>]+https?://[^>]*>|<script[^>]+src=[^>]*></script>|url\('https?://[^']*'\)"
)


@dataclass(frozen=True)
class Suite:
    """One file ``expectations/<schema>.<table>.json``."""

    table: str
    purpose: str
    partition_column: str | None
    document: dict[str, Any]

    @property
    def stage(self) -> str:
        return self.table.split(".")[0]

    @property
    def has_warnings(self) -> bool:
        return any(e.get("severity") == "warning" for e in self.document["expectations"])


@dataclass(frozen=True)
class Outcome:
    """What one expectation said of one table."""

    expectation: str
    is_critical: bool
    is_met: bool
    observed: str
    error: str = ""  # why it could not be evaluated: a broken suite, not bad data


def read_suites(folder: Path) -> list[Suite]:
    """All suites of a folder, by table name.

    Raises:
        ConfigError: there is no such folder; or a file is not JSON, names another table, is empty or has no floor
            for the row count (GX passes an empty table on every column expectation).
    """
    if not folder.is_dir():
        msg = f"There is no folder {folder} with expectations; point PERSO_EXPECTATIONS_DIR at one, or unset it."
        raise ConfigError(msg)
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Suite:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        msg = f"{path.name} line {error.lineno}: not valid JSON ({error.msg}); mend the file."
        raise ConfigError(msg) from error
    table = path.stem
    if document.get("name") != table or table.count(".") != 1:
        msg = f"{path.name}: its name must be '<schema>.<table>' and the same as \"name\" inside; rename one of them."
        raise ConfigError(msg)
    expectations = document.get("expectations", [])
    if not any(e["type"] == _ROW_COUNT and "min_value" in e.get("kwargs", {}) for e in expectations):
        msg = f"{path.name}: no floor for the row count; add {_ROW_COUNT} with min_value, or an empty table passes."
        raise ConfigError(msg)
    if any(e.get("severity") not in {"critical", "warning"} for e in expectations):
        msg = f'{path.name}: every expectation needs "severity": "critical" (blocks) or "warning" (is shown).'
        raise ConfigError(msg)
    meta = document.get("meta", {})
    return Suite(table, meta.get("purpose", ""), meta.get("partition_column"), document)


def run_suites(
    suites: Sequence[Suite],
    *,
    warehouse_path: Path,
    window: tuple[date, date] | None,
    docs_dir: Path,
    memory_limit: str = "4GB",
    threads: int = 2,
) -> dict[str, list[Outcome]]:
    """Run suites over the partitions of a window (both ends included) and write Data Docs.

    Args:
        suites: What to run; a suite without ``partition_column`` sees the whole table.
        warehouse_path: DuckDB file; the caller holds its lock.
        window: First and last partition, or None for whole tables.
        docs_dir: Folder of the Data Docs, one page a table (``docs_page``).
        memory_limit: DuckDB's.
        threads: DuckDB's.

    Returns:
        Outcomes by table name, one per expectation.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # GX reads it at import and would call home
    import great_expectations as gx
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from perso_pipeline.quality.datasource import add_warehouse

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = add_warehouse(context, str(warehouse_path), {"memory_limit": memory_limit, "threads": threads})
    try:
        outcomes = {}
        for suite in suites:
            asset = source.add_query_asset(name=suite.table, query=_query(suite, window))
            # not as a validation definition: GX would write it and its result to stores that end with this block
            result = asset.get_batch(asset.build_batch_request()).validate(gx.ExpectationSuite(**suite.document))
            result.meta["run_id"] = RunIdentifier(run_name=_run_name(window))
            outcomes[suite.table] = [_outcome(r) for r in result.results]
            _write_docs(result, docs_page(docs_dir, suite.table))
    finally:
        source.get_execution_engine().dispose()
    return outcomes


def _query(suite: Suite, window: tuple[date, date] | None) -> str:
    schema, name = suite.table.split(".")
    query = f'select * from "{schema}"."{name}"'
    if window is None or suite.partition_column is None:
        return query
    first, last = (day.isoformat() for day in window)  # dates, so nothing else can get into the text
    return f"{query} where \"{suite.partition_column}\" between date '{first}' and date '{last}'"


def _run_name(window: tuple[date, date] | None) -> str:
    if window is None:
        return "whole table"
    first, last = window
    return f"night {first}" if first == last else f"nights {first} to {last}"


def docs_page(docs_dir: Path, table: str) -> Path:
    """The Data Docs page of a table's last validation."""
    return docs_dir / f"{table}.html"


def _write_docs(result: Any, page: Path) -> None:
    # A whole Data Docs site copies 4 MB of pictures and takes 0.3 s each time; its page of one validation says
    # the same. What it would fetch from other hosts when opened is left out.
    from great_expectations.render.renderer import ValidationResultsPageRenderer

    html = _page_view().render(ValidationResultsPageRenderer(run_info_at_end=True).render(result))
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(_FROM_ELSEWHERE.sub("", html), encoding="utf-8")


@cache
def _page_view() -> Any:
    """One for all pages: a new one compiles its templates again, a tenth of a second for each table."""
    from great_expectations.render.view import DefaultJinjaPageView

    return DefaultJinjaPageView()


def _outcome(result: Any) -> Outcome:
    config = result.expectation_config
    settings: dict[str, Value] = {k: v for k, v in config.kwargs.items() if k != "batch_id"}
    name = config.description or f"{config.type}({', '.join(f'{k}={v}' for k, v in settings.items())})"
    error = _error(result.exception_info or {})
    facts = {k: v for k, v in result.result.items() if k in {"observed_value", "unexpected_count", "element_count"}}
    observed = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in facts.items())
    return Outcome(name, str(config.severity).lower().endswith("critical"), bool(result.success), observed, error)


def _error(info: dict[str, Any]) -> str:
    nested = [info, *(v for v in info.values() if isinstance(v, dict))]
    return next((str(i.get("exception_message")) for i in nested if i.get("raised_exception")), "")
