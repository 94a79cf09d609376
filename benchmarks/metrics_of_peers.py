"""What ranx and RecTools say of given lists; runs in their environment, asked by ``metrics_against_ranx.py``."""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ranx import Qrels, Run, evaluate
from rectools import metrics as peers
from rectools.metrics.distances import PairwiseDistanceCalculator

RANX = {
    "recall": "recall",
    "precision": "precision",
    "ndcg": "ndcg",
    "map": "map",
    "mrr": "mrr",
    "hit_rate": "hit_rate",
}


class OverCategories(PairwiseDistanceCalculator):
    """Jaccard distance of the sets of categories with those above them."""

    def __init__(self, categories: list[str]) -> None:
        self.sets = []
        for path in categories:
            parts = path.split("/")
            self.sets.append({"/".join(parts[: depth + 1]) for depth in range(len(parts))})

    def _get_distances_for_item_pairs(self, first: Any, second: Any) -> np.ndarray:
        pairs = zip(first, second, strict=True)
        return np.array([1 - len(self.sets[a] & self.sets[b]) / len(self.sets[a] | self.sets[b]) for a, b in pairs])


def of_ranx(one: dict[str, Any], cutoffs: list[int]) -> dict[str, list[float]]:
    names = [f"p{n:04d}" for n in range(len(one["lists"]))]
    wanted = {n: {f"i{i}": 1 for i in items} for n, items in zip(names, one["wanted"], strict=True)}
    shown = {
        n: {f"i{i}": 1.0 - p / 100 for p, i in enumerate(items)} for n, items in zip(names, one["lists"], strict=True)
    }
    asked = [f"{name}@{k}" for name in RANX for k in cutoffs]
    values = evaluate(Qrels(wanted), Run(shown), asked, return_mean=False)
    return {name: values[name].tolist() for name in asked}


def of_rectools(one: dict[str, Any], cutoffs: list[int]) -> dict[str, list[float]]:
    reco = pd.DataFrame(
        [(u, i, r) for u, items in enumerate(one["lists"]) for r, i in enumerate(items, start=1)],
        columns=["user_id", "item_id", "rank"],
    )
    wanted, before = (
        pd.DataFrame([(u, i) for u, items in enumerate(one[key]) for i in items], columns=["user_id", "item_id"])
        for key in ("wanted", "history")
    )
    catalog = list(range(one["items"]))
    distance = OverCategories(one["categories"])
    found: dict[str, list[float]] = {}
    for k in cutoffs:
        per_person = {
            "recall": peers.Recall(k).calc_per_user(reco, wanted),
            "precision": peers.Precision(k).calc_per_user(reco, wanted),
            "ndcg": peers.NDCG(k, divide_by_achievable=True).calc_per_user(reco, wanted),
            "map": peers.MAP(k, divide_by_k=False).calc_per_user(reco, wanted),
            "mrr": peers.MRR(k).calc_per_user(reco, wanted),
            "hit_rate": peers.HitRate(k).calc_per_user(reco, wanted),
            "novelty": peers.MeanInvUserFreq(k).calc_per_user(reco, before),
            "serendipity": peers.Serendipity(k).calc_per_user(reco, wanted, before, catalog),
        }
        if k > 1:
            per_person["diversity"] = peers.IntraListDiversity(k, distance).calc_per_user(reco)
        for name, values in per_person.items():
            found[f"{name}@{k}"] = values.reindex(range(len(one["lists"]))).tolist()
        found[f"coverage@{k}"] = [peers.CatalogCoverage(k, normalize=True).calc(reco, catalog)]
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    question = json.loads(Path(sys.argv[1]).read_text())
    answers = [
        {"ranx": of_ranx(one, question["cutoffs"]), "RecTools": of_rectools(one, question["cutoffs"])}
        for one in question["cases"]
    ]
    Path(sys.argv[2]).write_text(json.dumps(answers))
