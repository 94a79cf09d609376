"""The only reader of the environment.

Every path, key and limit that differs between machines is a field here. Keep out what an owner edits
(that is ``config/``) and anything that does work.
"""

import contextlib
import os
import secrets
from functools import cached_property
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Where things stand and how much of the machine may be used (``PERSO_*`` in the environment)."""

    model_config = SettingsConfigDict(env_prefix="PERSO_", frozen=True)

    home: Path = Field(
        default=PROJECT_ROOT / ".perso", description="All state: landing, warehouse, Dagster, MLflow, published."
    )
    config_dir: Path = Field(default=PROJECT_ROOT / "config", description="What an owner edits.")
    expectations_dir: Path = Field(default=PROJECT_ROOT / "expectations", description="The suites of the gates.")
    hash_key: str = Field(default="", description="Key of the HMAC over e-mail addresses and phone numbers.")
    memory_limit: str = Field(default="4GB", description="DuckDB's memory limit.")
    threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="Threads for DuckDB and models."
    )

    @property
    def landing_dir(self) -> Path:
        return self.home.resolve() / "landing"

    @property
    def warehouse_path(self) -> Path:
        return self.home.resolve() / "warehouse" / "perso.duckdb"

    @property
    def dagster_home(self) -> Path:
        return self.home.resolve() / "dagster"

    @property
    def mlflow_dir(self) -> Path:
        return self.home.resolve() / "mlflow"

    @property
    def mlflow_uri(self) -> str:
        return f"sqlite:///{self.mlflow_dir / 'mlflow.db'}"

    @property
    def published_dir(self) -> Path:
        return self.home.resolve() / "published"

    @property
    def reports_dir(self) -> Path:
        return self.home.resolve() / "reports"

    @property
    def data_docs_dir(self) -> Path:
        return self.home.resolve() / "data_docs"

    @property
    def erasures_dir(self) -> Path:
        return self.home.resolve() / "erasures"

    @property
    def searches_dir(self) -> Path:
        return self.home.resolve() / "searches"

    @property
    def dbt_dir(self) -> Path:
        return PROJECT_ROOT / "sql"

    @cached_property
    def hash_key_bytes(self) -> bytes:
        """The key from ``PERSO_HASH_KEY``, or one made once and kept in ``<home>/hash.key`` (mode 0600)."""
        if self.hash_key:
            return self.hash_key.encode()
        path = self.home.resolve() / "hash.key"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_hex(32), encoding="ascii")
            with contextlib.suppress(FileExistsError):  # whoever comes second keeps the first one's key
                os.link(draft, path)
            draft.unlink()
        return path.read_text(encoding="ascii").encode()
