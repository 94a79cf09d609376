import pytest

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.contracts.sites import Sites


def test_two_sites_of_one_id_are_refused(tmp_path) -> None:
    path = tmp_path / "sites.yml"
    one = "  - {id: uk, name: UK, timezone: Europe/London, currency: GBP}\n"
    path.write_text("sites:\n" + one + one)
    with pytest.raises(ConfigError, match="site 'uk' stands twice; give each its own id"):
        read_config(path, Sites)
