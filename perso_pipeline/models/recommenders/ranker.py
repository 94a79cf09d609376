"""The second stage's learner: LightGBM's LambdaRank, kept as its own text, and what each feature adds to a score.

Burges, "From RankNet to LambdaRank to LambdaMART", 2010; Ke et al., "LightGBM", NeurIPS 2017; contributions are
TreeSHAP (Lundberg et al. 2020), which LightGBM computes itself. Keep candidates, features and labels out.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.models.protocol import Insight
from perso_pipeline.models.recommenders.config import TwoStageConfig


class Ranker:
    """A learnt order of candidates; ``score`` rises with the chance that the item is wanted."""

    def __init__(self, text: bytes, *, threads: int) -> None:
        import lightgbm

        self.text = text
        self._threads = threads
        self._booster: Any = lightgbm.Booster(model_str=text.decode())

    @classmethod
    def learnt(
        cls,
        features: NDArray[np.float32],
        hit: NDArray[np.bool_],
        group: NDArray[np.int64],
        *,
        names: tuple[str, ...],
        config: TwoStageConfig,
        threads: int,
    ) -> Self:
        """From pairs in groups of one person and period each.

        Args:
            features: pairs x len(names), NaN where unknown.
            hit: which pairs were wanted.
            group: sizes of the groups, in the order of the rows.
            names: of the features.
            config: the settings.
            threads: 0 for all cores; the trees are the same for any number.
        """
        import lightgbm

        rows = lightgbm.Dataset(
            features, label=hit.astype(np.float32), group=group, feature_name=list(names), params={"verbosity": -1}
        )
        booster = lightgbm.train(_params(config, threads), rows, num_boost_round=config.trees)
        text = booster.model_to_string()
        # The number of threads is the machine's, not the model's: the same model has the same text everywhere.
        kept = [line for line in text.splitlines() if not line.startswith("[num_threads:")]
        return cls(("\n".join(kept) + "\n").encode(), threads=threads)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._booster.feature_name())

    @property
    def gain(self) -> NDArray[np.float64]:
        """Features; summed over all trees."""
        return np.asarray(self._booster.feature_importance("gain"), dtype=np.float64)

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Between 0 and 1, rising with the trees' sum; comparable within one person's candidates only."""
        if not len(features):
            return np.zeros(0)
        raw = np.asarray(self._booster.predict(features, num_threads=self._threads), dtype=np.float64)
        return 1.0 / (1.0 + np.exp(-raw))

    def contributions(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Pairs x (features, then what everybody gets); a row adds up to the trees' sum."""
        found = self._booster.predict(features, pred_contrib=True, num_threads=self._threads)
        return np.asarray(found, dtype=np.float64)

    def insight(self, features: NDArray[np.float32]) -> Insight:
        """What the trees go by, for these pairs."""
        return Insight(self.names, self.gain, features, self.contributions(features)[:, :-1])


def _params(config: TwoStageConfig, threads: int) -> dict[str, Any]:
    return {
        "objective": "lambdarank",
        "num_leaves": config.leaves,
        "min_data_in_leaf": config.min_rows,
        "learning_rate": config.learning_rate,
        "feature_fraction": config.feature_share,
        "lambda_l2": config.regularization,
        "lambdarank_truncation_level": config.truncation,
        "seed": config.seed,
        # Histograms row by row in one order: else LightGBM times both ways and takes the quicker one of the day.
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
    }
