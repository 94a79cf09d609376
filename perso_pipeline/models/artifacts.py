"""Model files: arrays as npz without pickle, settings as JSON, and the check before anything is read.

A file is read only if it stands in the ledger (``models.model_artifacts``); ``resources.model_files`` checks it.
Where files are kept is the tracking store's business.
"""

import io
import json
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.protocol import InteractionMatrix, Recommender
from perso_pipeline.models.roster import build

ARRAYS = "arrays.npz"
CARD = "model.json"


def packed(model: Recommender, data: InteractionMatrix, *, version: str, config: SiteModels) -> dict[str, bytes]:
    """The files of a fitted model, the same bytes for the same model.

    Ids are unicode arrays, never objects. The training matrix is not among them: it is rebuilt from the
    warehouse, and the card's fingerprint says whether it is the same.
    """
    arrays: dict[str, NDArray[np.generic]] = {"people": data.people, "items": data.items}
    arrays |= {f"model.{name}": np.asarray(array) for name, array in model.arrays().items()}
    objects = [name for name, array in arrays.items() if array.dtype.hasobject]
    if objects:
        msg = f"arrays of objects cannot be stored without pickle: {objects}"
        raise TypeError(msg)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    card = {
        "model": model.name,
        "version": version,
        "fingerprint": data.fingerprint,
        "as_of": data.as_of.isoformat(),
        "people": len(data.people),
        "items": len(data.items),
        "pairs": int(data.weights.nnz),
        "config": config.model_dump(mode="json"),
    }
    return {ARRAYS: buffer.getvalue(), CARD: (json.dumps(card, indent=2, sort_keys=True) + "\n").encode()}


def unpacked(
    name: str, files: Mapping[str, bytes], data: InteractionMatrix, config: SiteModels, *, threads: int
) -> Recommender:
    """A model ready to answer, from verified files and the matrix it was fitted on.

    Raises:
        PersoError: the files hold pickled objects, are no npz, or belong to other training data.
    """
    if ARRAYS not in files or CARD not in files:
        msg = f"The stored model {name} is incomplete; run the night again."
        raise PersoError(msg)
    arrays = _arrays(name, files[ARRAYS])
    try:
        card = json.loads(files[CARD])
        fitted_on = (card["fingerprint"], card["model"])
    except (ValueError, KeyError, TypeError) as error:
        msg = f"The card of the stored model {name} cannot be read and the model is refused; run the night again."
        raise PersoError(msg) from error
    if fitted_on != (data.fingerprint, name):
        msg = f"The stored model {name} was fitted on other data than the night has now; run the night again."
        raise PersoError(msg)
    learnt = {key.removeprefix("model."): array for key, array in arrays.items() if key.startswith("model.")}
    try:
        return build(config, threads=threads, names=[name])[name].restore(learnt, data)
    except (KeyError, ValueError, IndexError) as error:
        msg = f"The stored model {name} does not hold the arrays of such a model and is refused; run the night again."
        raise PersoError(msg) from error


def _arrays(name: str, body: bytes) -> dict[str, NDArray[np.generic]]:
    """The arrays of an npz; nothing is unpickled, written to disk or unpacked to more than the file's own size."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed_arrays:
            if any(member.compress_type != zipfile.ZIP_STORED for member in packed_arrays.infolist()):
                msg = (
                    f"The stored model {name} is compressed, which ours never are, and is refused; run the night again."
                )
                raise PersoError(msg)
        with np.load(io.BytesIO(body), allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        msg = f"The stored model {name} holds pickled or broken content and is refused; run the night again."
        raise PersoError(msg) from error
