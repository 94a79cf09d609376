"""One simulated shop for many tests, read into DuckDB."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from perso_pipeline.shop.config import ShopConfig
from perso_pipeline.shop.simulate import simulate


def _read_landing(landing: Path) -> duckdb.DuckDBPyConnection:
    """A connection with one table per stream: all columns as text or as Parquet has them, and ``load_date``."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for folder in sorted(landing.iterdir()):
        parts = []
        if list(folder.glob("*/*.parquet")):
            parts.append(f"from read_parquet('{folder}/*/*.parquet', union_by_name = true, filename = true)")
        if list(folder.glob("*/*.csv")):
            parts.append(
                f"from read_csv('{folder}/*/*.csv', union_by_name = true, filename = true, ignore_errors = true, "
                "types = {'price': 'varchar', 'stock': 'varchar', 'occurred_at': 'varchar'})"
            )
        lines = [*folder.glob("*/*.jsonl.gz"), *folder.glob("*/[!-]*[!d].jsonl")]
        if not parts and lines:
            parts.append(
                f"from read_json({[str(p) for p in sorted(lines)]!r}, format = 'newline_delimited', filename = true, "
                "union_by_name = true, ignore_errors = true, sample_size = -1)"
            )
        connection.execute(
            f"create table {folder.name} as select *, split_part(filename, '/', -2)::date as load_date "
            f"from ({' union all by name '.join(parts)})"
        )
    return connection


@pytest.fixture(scope="session")
def read_landing() -> Callable[[Path], duckdb.DuckDBPyConnection]:
    return _read_landing


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A shop of 2,500 people, 400 items and 21 days with every fault of delivery."""
    folder = tmp_path_factory.mktemp("shop")
    config = ShopConfig(people=2500, items=400, days=21)
    summary = simulate(config, landing_dir=folder / "landing", truth_dir=folder / "truth")
    connection = _read_landing(folder / "landing")
    return SimpleNamespace(
        config=config, summary=summary, landing=folder / "landing", truth=folder / "truth", db=connection
    )
