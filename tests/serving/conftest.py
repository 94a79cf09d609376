"""A published folder with a few lists, and a client that calls the application without a network."""

import asyncio
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import pytest
from fastapi import FastAPI

from perso_pipeline.recommendations.publish import publish
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.serving.app import create_app

NIGHT = date(2026, 3, 10)
TABLES = ("recommendations.recommendations", "profiles.customer_profiles", "segments.segment_membership")


class Client:
    """GET over the ASGI protocol: routing, validation and error handlers as under a server (httpx is not there)."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, address: str) -> tuple[int, Any]:
        parts = urlsplit(address)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": unquote(parts.path), "raw_path": parts.path.encode(), "query_string": parts.query.encode(),
            "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "root_path": "",
        }  # fmt: skip
        asyncio.run(self._app(scope, receive, send))
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], json.loads(body)


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    store = DuckDBWarehouse(tmp_path / "w.duckdb", threads=1)
    with store.transaction() as connection:
        connection.execute(
            """
            create schema recommendations; create schema profiles; create schema segments;
            create table recommendations.recommendations as
            select n.night, 'shop-uk' as site_id, s.scenario_id, s.subject_type, s.subject_id, r.rank::integer as rank,
                s.subject_id || ' ' || r.rank as item_id, 1.0::double / r.rank as score, s.level, 'personal' as strategy,
                'als' as model, '1' as model_version, s.level > 1 as is_fallback
            from (values ('home', 'person', 'ann', 1), ('home', 'anyone', '*', 2), ('product', 'item', '*', 1),
                         ('product', 'anyone', '*', 2), ('home', 'person', $q$o'br/ien "x"$q$, 1))
                as s(scenario_id, subject_type, subject_id, level),
                range(1, 4) as r(rank), (values (date '2026-03-10'), (date '2026-03-11')) as n(night);
            create table profiles.customer_profiles as
            select unnest([date '2026-03-10', date '2026-03-11']) as night, 'shop-uk' as site_id, 'ann' as person_id,
                12.5::decimal(18, 4) as net_revenue;
            create table segments.segment_membership as
            select date '2026-03-10' as night, 'shop-uk' as site_id, 'ann' as person_id,
                unnest(['vip', 'new']) as segment_id;
            """
        )
    return store


@pytest.fixture
def put_out(warehouse: DuckDBWarehouse, tmp_path: Path) -> Callable[[date], str]:
    return lambda night: publish(warehouse, night=night, published_dir=tmp_path / "published", tables=TABLES).version


@pytest.fixture
def get(tmp_path: Path) -> Callable[..., tuple[int, Any]]:
    """``get("recommendations", site, scenario, subject=...)``: every part is quoted."""
    client = Client(create_app(tmp_path / "published"))

    def get(*parts: str, **query: Any) -> tuple[int, Any]:
        path = "/" + "/".join(quote(part, safe="") for part in parts)
        return client.get(f"{path}?{urlencode(query)}" if query else path)

    return get
