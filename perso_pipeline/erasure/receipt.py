"""The receipt of an erasure: what was removed where, signed with the installation's key, without a name in it."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from perso_pipeline.contracts.errors import PersoError


def sign(content: dict[str, Any], key: bytes) -> dict[str, Any]:
    return {**content, "signature": _signature(content, key)}


def check(path: Path, key: bytes) -> dict[str, Any]:
    """The content of a receipt that this installation signed.

    Raises:
        PersoError: it cannot be read, or its signature is not of this key and content.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        signature = content.pop("signature")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        msg = f"{path} is no receipt of an erasure; give a file of <home>/erasures."
        raise PersoError(msg) from error
    if not isinstance(signature, str) or not hmac.compare_digest(signature, _signature(content, key)):
        msg = f"The signature of {path} is not of this installation's key and content: it was altered or is another's."
        raise PersoError(msg)
    return dict(content)


def _signature(content: dict[str, Any], key: bytes) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, b"receipt:" + canonical.encode(), hashlib.sha256).hexdigest()
