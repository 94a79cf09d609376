"""Which models run: one line per model. Add a model by adding its file, its config block and its line."""

from perso_pipeline.models.als import Als
from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.item_knn import ItemKnn
from perso_pipeline.models.popular import Popular
from perso_pipeline.models.protocol import Recommender
from perso_pipeline.models.random_baseline import RandomBaseline
from perso_pipeline.models.trending import Trending

BASELINE = Popular.name
FLOOR = RandomBaseline.name
FOR_ANYONE = (Popular.name, Trending.name)  # these give everyone the same list


def build(config: SiteModels, *, threads: int) -> dict[str, Recommender]:
    """Fresh models of a site by name; popular first, for the others are measured against it."""
    models: list[Recommender] = [
        Popular(config.popular),
        Trending(config.trending),
        RandomBaseline(config.random),
        ItemKnn(config.item_knn, threads=threads),
        Als(config.als, threads=threads),
    ]
    return {model.name: model for model in models}
