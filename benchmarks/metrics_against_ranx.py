"""Our metrics against ranx and RecTools on random cases: the largest difference of any person's value.

Both run in an environment of their own, which uv makes and throws away (they hold numpy below 2): this needs the
package registry. ranx: recall, precision, ndcg, map, mrr, hit_rate. RecTools: the same six, coverage, novelty, diversity,
serendipity. Popularity bias is ours and stands in neither.

Run: ``python -m benchmarks.metrics_against_ranx [--cases 200]``.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from perso_pipeline.models import metrics
from perso_pipeline.models.groups import category_levels
from perso_pipeline.models.recommenders.ranking import ranked

CUTOFFS = (1, 5, 10, 20)
BOUND = 1e-9
PEERS = Path(__file__).with_name("metrics_of_peers.py")


def case(seed: int) -> dict[str, Any]:
    """Lists of 20 for up to 40 people over up to 80 items in a tree of categories; everybody wants something."""
    rng = np.random.default_rng(seed)
    people, items = int(rng.integers(1, 40)), int(rng.integers(25, 80))
    lists = [rng.permutation(items)[: max(CUTOFFS)].tolist() for _ in range(people)]
    wanted = [sorted(rng.choice(items, size=rng.integers(1, 12), replace=False).tolist()) for _ in range(people)]
    likes = rng.random((people, items)) < rng.random(items)
    likes[rng.integers(0, people, size=items), np.arange(items)] = True  # every item was met by somebody
    depth = rng.integers(1, 4, size=items)
    tree = [[f"c{rng.integers(3)}", f"d{rng.integers(3)}", f"e{rng.integers(2)}"][:levels] for levels in depth]
    history = [np.flatnonzero(row).tolist() for row in likes]
    return {
        "items": items,
        "lists": lists,
        "wanted": wanted,
        "history": history,
        "categories": ["/".join(c) for c in tree],
    }


def ours(one: dict[str, Any]) -> dict[str, list[float]]:
    """Values per person, ``metric@k``; coverage is one value."""
    items, people, deepest = one["items"], len(one["lists"]), max(CUTOFFS)
    lists = ranked(
        subject=np.repeat(np.arange(people), deepest),
        item=np.array(one["lists"]).ravel(),
        score=np.tile(-np.arange(deepest, dtype=float), people),
        subjects=people,
        items=items,
        k=deepest,
    )
    wanted, history = _matrix(one["wanted"], items), _matrix(one["history"], items)
    met = np.bincount(history.indices, minlength=items)
    for_anybody = metrics.chance_for_anybody(met)
    levels = category_levels(np.array(one["categories"]))
    found: dict[str, list[float]] = {}
    for k in CUTOFFS:
        values = dict(metrics.accuracy(lists, wanted, k))
        values["novelty"] = metrics.novelty(lists, met, people, k)
        values["serendipity"] = metrics.serendipity(lists, wanted, for_anybody, k)
        if k > 1:
            values["diversity"] = metrics.intra_list_diversity(lists, levels, k)
        found |= {f"{name}@{k}": column.tolist() for name, column in values.items()}
        found[f"coverage@{k}"] = [metrics.coverage(lists, items, k)]
    return found


def _matrix(rows: list[list[int]], items: int) -> sparse.csr_matrix:
    size = [len(row) for row in rows]
    columns = np.array([item for row in rows for item in row], dtype=np.int64)
    return sparse.csr_matrix((np.ones(len(columns)), columns, np.r_[0, np.cumsum(size)]), shape=(len(rows), items))


def peers(cases: list[dict[str, Any]]) -> list[dict[str, dict[str, list[float]]]]:
    """What ranx and RecTools say of the same cases."""
    uv = shutil.which("uv") or str(Path(__file__).parents[1] / ".tools" / "bin" / "uv")
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder) / "cases.json", Path(folder) / "values.json"
        question.write_text(json.dumps({"cases": cases, "cutoffs": CUTOFFS}))
        packages = ["--with", "ranx==0.3.21", "--with", "rectools==0.19.0"]
        command = [uv, "run", "--quiet", "--isolated", "--no-project", "--python", "3.11", *packages]
        subprocess.run([*command, "python", str(PEERS), str(question), str(answer)], check=True)
        return json.loads(answer.read_text())


def differences(cases: list[dict[str, Any]]) -> Iterator[tuple[str, str, float, int]]:
    """Peer, metric, largest difference, number of values."""
    largest: dict[tuple[str, str], float] = {}
    count: dict[tuple[str, str], int] = {}
    for one, said in zip(cases, peers(cases), strict=True):
        found = ours(one)
        for peer, values in said.items():
            for name, column in values.items():
                key = (peer, name.split("@")[0])
                gap = float(np.abs(np.array(found[name]) - np.array(column)).max())
                largest[key] = max(largest.get(key, 0.0), gap)
                count[key] = count.get(key, 0) + len(column)
    for key in sorted(largest):
        yield *key, largest[key], count[key]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200)
    rows = list(differences([case(seed) for seed in range(parser.parse_args().cases)]))
    print(f"{'peer':10s}{'metric':14s}{'values':>10s}  largest difference")
    for peer, metric, gap, values in rows:
        print(f"{peer:10s}{metric:14s}{values:10,}  {gap:.2g}")
    worst = max(gap for _, _, gap, _ in rows)
    print(f"largest of all: {worst:.2g}, {'below' if worst < BOUND else 'ABOVE'} {BOUND:g}")
    sys.exit(0 if worst < BOUND else 1)


if __name__ == "__main__":
    main()
