from datetime import timedelta

import numpy as np
import pytest

from perso_pipeline.settings import PROJECT_ROOT
from tests.models.assets.stage import NIGHT, Stage


@pytest.fixture
def stage(shop, tmp_path, mlflow_dir, tried_again_at_once):
    """Two sites: shop-uk where taste decides, shop-de in its first day; shop-biz has nothing."""
    config_dir = tmp_path / "config"
    config_dir.mkdir()
    for name in ("sites.yml", "models.yml"):
        text = (PROJECT_ROOT / "config" / name).read_text()
        (config_dir / name).write_text(text.replace("sites: {}", f"sites:\n  shop-uk: {{{_inline()}}}"))
    rng = np.random.default_rng(5)
    for person in range(80):
        half = person % 2 * 30
        for back in range(20):
            for item in rng.choice(30, size=1, replace=False):
                shop.event(f"c{person:02d}", f"item-{half + item:02d}", NIGHT - timedelta(days=back))
    shop.event("d1", "item-00", NIGHT, site="shop-de")
    shop.event("d2", "item-01", NIGHT, site="shop-de")
    return Stage(shop.write(), config_dir, mlflow_dir)


def _inline() -> str:
    return (
        "evaluation: {enough_people: 60, min_people: 40, bootstrap_samples: 200, min_slice_people: 20}, "
        "als: {factors: 8, iterations: 5}, item_knn: {k1: 0.2, b: 0.2}"
    )
