"""Errors that a person can act on: one sentence, with the mend in it.

Raise ``PersoError`` where the cause is outside the code (input, config, environment). Programming
errors stay ordinary exceptions and keep their trace.
"""

import difflib
from collections.abc import Iterable


class PersoError(Exception):
    """Something outside the code is wrong; the message is one sentence that says how to mend it.

    The command line prints it without a trace and exits with code 2.
    """


class ConfigError(PersoError):
    """A config file is wrong; the message names file, line and key."""


def nearest(word: str, words: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the closest legal word, or an empty string.

    A word that one of the words begins, or that begins one of them, is close: 'operator' for 'op'.
    """
    known = list(words)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    close = (
        close or sorted((w for w in known if w and (word.startswith(w) or (w.startswith(word) and word))), key=len)[-1:]
    )
    return f" (did you mean '{close[0]}'?)" if close else ""
