"""Which models there are: one line per model. Add a model by adding its file, its config block and its line."""

from collections.abc import Callable, Iterable, Mapping

from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.names import LinearName
from perso_pipeline.models.protocol import Recommender
from perso_pipeline.models.recommenders.als import Als
from perso_pipeline.models.recommenders.blend import Blend, Scorer
from perso_pipeline.models.recommenders.bought_together import BoughtTogether
from perso_pipeline.models.recommenders.bpr import Bpr
from perso_pipeline.models.recommenders.bspm import Bspm
from perso_pipeline.models.recommenders.co_visitation import CoVisitation
from perso_pipeline.models.recommenders.content import Content
from perso_pipeline.models.recommenders.conversion import Conversion
from perso_pipeline.models.recommenders.ease import Ease
from perso_pipeline.models.recommenders.editorial import Editorial
from perso_pipeline.models.recommenders.gf_cf import GfCf
from perso_pipeline.models.recommenders.item_knn import ItemKnn
from perso_pipeline.models.recommenders.popular import Popular
from perso_pipeline.models.recommenders.random_baseline import RandomBaseline
from perso_pipeline.models.recommenders.recently_added import RecentlyAdded
from perso_pipeline.models.recommenders.replenishment import Replenishment
from perso_pipeline.models.recommenders.rp3beta import Rp3beta
from perso_pipeline.models.recommenders.session import Session
from perso_pipeline.models.recommenders.trending import Trending
from perso_pipeline.models.recommenders.two_stage import TwoStage
from perso_pipeline.models.recommenders.viewed_then_bought import ViewedThenBought

BASELINE = Popular.name
FLOOR = RandomBaseline.name
FOR_ANYONE = (Popular.name, Trending.name)  # these give everyone the same list

_LINEAR: Mapping[LinearName, Callable[[SiteModels, int], Scorer]] = {
    "rp3beta": lambda config, threads: Rp3beta(config.rp3beta, threads=threads),
    "item_knn": lambda config, threads: ItemKnn(config.item_knn, threads=threads),
    "ease": lambda config, _: Ease(config.ease),
    "gf_cf": lambda config, _: GfCf(config.gf_cf),
    "bspm": lambda config, _: Bspm(config.bspm),
    "als": lambda config, threads: Als(config.als, threads=threads),
    "bpr": lambda config, _: Bpr(config.bpr),
}
_MODELS: Mapping[str, Callable[[SiteModels, int], Recommender]] = {
    Popular.name: lambda config, _: Popular(config.popular),
    Trending.name: lambda config, _: Trending(config.trending),
    RecentlyAdded.name: lambda config, _: RecentlyAdded(config.recently_added),
    Conversion.name: lambda config, _: Conversion(config.conversion),
    Editorial.name: lambda config, _: Editorial(config.editorial),
    RandomBaseline.name: lambda config, _: RandomBaseline(config.random),
    **{name: _LINEAR[name] for name in _LINEAR},
    Blend.name: lambda config, threads: Blend(
        config.blend, {name: _LINEAR[name](config, threads) for name in config.blend.weights}
    ),
    CoVisitation.name: lambda config, threads: CoVisitation(config.co_visitation, threads=threads),
    BoughtTogether.name: lambda config, threads: BoughtTogether(config.bought_together, threads=threads),
    ViewedThenBought.name: lambda config, threads: ViewedThenBought(config.viewed_then_bought, threads=threads),
    Content.name: lambda config, threads: Content(config.content, threads=threads),
    Session.name: lambda config, threads: Session(config.session, threads=threads),
    Replenishment.name: lambda config, _: Replenishment(config.replenishment),
    TwoStage.name: lambda config, threads: TwoStage(
        config.two_stage, lambda: build(config, threads=threads, names=config.two_stage.candidates), threads=threads
    ),
}
ALL = tuple(_MODELS)
READS_EVENTS = frozenset(
    {
        Conversion.name,
        CoVisitation.name,
        BoughtTogether.name,
        ViewedThenBought.name,
        Session.name,
        Replenishment.name,
        TwoStage.name,
    }
)
READS_CATALOGUE = frozenset({RecentlyAdded.name, Content.name, Conversion.name, TwoStage.name})


def build(config: SiteModels, *, threads: int, names: Iterable[str] | None = None) -> dict[str, Recommender]:
    """Fresh models of a site by name, in the order of this page; without ``names`` those of its race."""
    wanted = set(config.race if names is None else names)
    return {name: make(config, threads) for name, make in _MODELS.items() if name in wanted}
