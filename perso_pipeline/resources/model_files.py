"""Files of a stored model: the ledger of hashes, and the check before anything is read.

A file is read only if it stands in a stage's ledger and its bytes have the hash written there. What a file holds
is its stage's business.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perso_pipeline.contracts.errors import PersoError

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One file of a model as it was when it was stored."""

    file: str
    sha256: str
    bytes: int


def entries(files: Mapping[str, bytes]) -> list[LedgerEntry]:
    return [LedgerEntry(n, hashlib.sha256(body).hexdigest(), len(body)) for n, body in sorted(files.items())]


def read_verified(folder: Path, ledger: Sequence[LedgerEntry]) -> dict[str, bytes]:
    """The bytes of every file in the ledger, each checked against it.

    Raises:
        PersoError: a name leads out of ``folder``, a file is missing, or its content is not what was stored.
    """
    root = folder.resolve()
    files = {}
    for entry in ledger:
        path = root / entry.file
        if not _PLAIN_NAME.fullmatch(entry.file) or path.resolve().parent != root:
            msg = f"Model file name {entry.file!r} is refused: it leads out of {root}; run the night again."
            raise PersoError(msg)
        if not path.is_file():
            msg = f"Model file {path} is missing; run the night again to store it anew."
            raise PersoError(msg)
        body = path.read_bytes()
        if hashlib.sha256(body).hexdigest() != entry.sha256:
            msg = f"Model file {path} was altered after it was stored and is refused; run the night again."
            raise PersoError(msg)
        files[entry.file] = body
    return files
