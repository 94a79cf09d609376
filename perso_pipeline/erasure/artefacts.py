"""Model files that hold a row per person, written anew without the people's rows.

What items learnt from many people together stays until the next training, as an aggregate; nothing in it names anybody.
"""

import hashlib
import io
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perso_pipeline.models.artifacts import ARRAYS, CARD

# The last part of an array's name; members of a blend or of two_stage carry their model's name before it.
_BY_PERSON = ("people", "user_factors")


@dataclass(frozen=True)
class Rewritten:
    """One file: its bytes without the people, the hash before, rows gone."""

    path: Path
    body: bytes
    before: str
    rows: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def without(mlflow_dir: Path, person_ids: Collection[str]) -> Iterator[Rewritten]:
    """The files that name one of the people, as they are to be written."""
    for path in sorted(mlflow_dir.rglob(ARRAYS)):
        before = path.read_bytes()
        with np.load(io.BytesIO(before), allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        if "people" not in arrays:
            continue
        stays = ~np.isin(arrays["people"], np.array(sorted(person_ids), dtype=str))
        gone = int((~stays).sum())
        if not gone:
            continue
        buffer = io.BytesIO()
        kept = {key: array[stays] if key.rpartition(".")[2] in _BY_PERSON else array for key, array in arrays.items()}
        np.savez(buffer, allow_pickle=False, **kept)
        yield Rewritten(path, buffer.getvalue(), hashlib.sha256(before).hexdigest(), gone)
        card = path.with_name(CARD)
        if card.exists():
            old = card.read_bytes()
            told = json.loads(old)
            told["people"] = int(stays.sum())
            told["fingerprint"] = "people were erased from this model"
            new = (json.dumps(told, indent=2, sort_keys=True) + "\n").encode()
            yield Rewritten(card, new, hashlib.sha256(old).hexdigest(), 0)
