"""The warehouse of an installation, for what is no Dagster run: commands and what stands behind them.

Assets take ``WarehouseResource``; add here what every command opens in the same way.
"""

from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import Settings


def open_warehouse(settings: Settings) -> DuckDBWarehouse:
    """The warehouse under ``settings.home``, with the memory and threads that the environment allows."""
    return DuckDBWarehouse(settings.warehouse_path, memory_limit=settings.memory_limit, threads=settings.threads)
