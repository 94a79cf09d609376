"""Shorter ways to two answers of Great Expectations, for one class of engines.

GX joins a table to its own groups to find repeated keys, once to count them and once to show them, and runs a query
for unexpected rows twice as well: of 17 million rows that was 24 seconds of processor and 4 GB. Here a proof by hashes
comes first: as many different hashes as rows means as many different keys. Only where it fails do GX's own statements
run, so that what is a fault is theirs to say. Keep expectations out.
"""

from collections.abc import Callable
from typing import Any

from great_expectations.compatibility.sqlalchemy import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricFunctionTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.registry import (
    get_metric_kwargs,
    get_sqlalchemy_metric_provider,
    register_metric,
)

_REPEATED = "compound_columns.unique"
_ROWS = "unexpected_rows_query"
_OF_COLUMNS = {"column_list", "ignore_row_if"}
_MOST_SHOWN = 200  # rows that GX fetches of a query for unexpected rows

Own = Callable[..., Any]  # a metric as GX has it


def install(engine: type[SqlAlchemyExecutionEngine]) -> None:
    """Let metrics of the class go the shorter way; each of its engines has a dict ``answered``."""
    _shorten(engine, f"{_REPEATED}.unexpected_count", lambda own, asked: 0 if _is_unique(asked) else own(**asked))
    _shorten(engine, f"{_REPEATED}.unexpected_values", lambda own, asked: [] if _is_unique(asked) else own(**asked))
    _shorten(engine, f"{_ROWS}.table", _shown)
    _shorten(engine, f"{_ROWS}.row_count", _count)


def _shorten(
    engine: type[SqlAlchemyExecutionEngine], metric: str, shorter: Callable[[Own, dict[str, Any]], Any]
) -> None:
    metric_class, own = get_sqlalchemy_metric_provider(metric)
    keys = get_metric_kwargs(metric)
    register_metric(
        metric_name=metric,
        metric_domain_keys=keys["metric_domain_keys"],
        metric_value_keys=keys["metric_value_keys"],
        execution_engine=engine,
        metric_class=metric_class,
        metric_provider=lambda **asked: shorter(own, asked),
        metric_fn_type=MetricFunctionTypes.VALUE,
    )


def _is_unique(asked: dict[str, Any]) -> bool:
    """Whether no key stands twice. False proves nothing: two keys may have one hash."""
    engine, domain = asked["execution_engine"], asked["metric_domain_kwargs"]
    question = ("unique", domain["batch_id"], domain.get("row_condition"), *domain["column_list"])
    if question not in engine.answered:
        rows, _, _ = engine.get_compute_domain(
            {key: domain[key] for key in domain if key not in _OF_COLUMNS}, domain_type=MetricDomainTypes.TABLE
        )
        hashes = sa.func.hash(*(sa.column(column) for column in domain["column_list"]))
        query = sa.select(sa.func.count() == sa.func.count(hashes.distinct())).select_from(rows)
        engine.answered[question] = bool(engine.execute_query(query).scalar())
    return bool(engine.answered[question])


def _shown(own: Own, asked: dict[str, Any]) -> Any:
    """The rows of a query, fetched once."""
    engine = asked["execution_engine"]
    question = ("rows", asked["metric_domain_kwargs"]["batch_id"], asked["metric_value_kwargs"][_ROWS])
    if question not in engine.answered:
        engine.answered[question] = own(**asked)
    return engine.answered[question]


def _count(own: Own, asked: dict[str, Any]) -> Any:
    """All rows were fetched where fewer came than GX fetches at most."""
    metric_class, table = get_sqlalchemy_metric_provider(f"{_ROWS}.table")
    shown = _shown(table, asked | {"cls": metric_class})
    return len(shown) if len(shown) < _MOST_SHOWN else own(**asked)
