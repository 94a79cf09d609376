"""Settings as a Dagster resource, so that tests can hand assets another home."""

from pathlib import Path

import dagster as dg

from perso_pipeline.settings import Settings


class SettingsResource(dg.ConfigurableResource):
    """Hands assets the ``Settings`` of this process; ``home`` and ``config_dir`` may be set for tests."""

    home: str = ""
    config_dir: str = ""

    def get(self) -> Settings:
        given = {"home": self.home, "config_dir": self.config_dir}
        return Settings.model_validate({name: Path(value) for name, value in given.items() if value})
