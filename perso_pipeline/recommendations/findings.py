"""What the gate before publication says: one finding per check, in words and with the rows that show it.

The names of the checks and their sentences. What is looked at stands in ``gate`` and ``gate_history``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

NO_LEAK = "no_leak"
FILLED = "filled"
COVERED = "covered"
FRESH = "fresh"
NEAR_LAST_NIGHT = "near_last_night"
FIRST_LEVEL_SERVES = "first_level_serves"
CHECKS = (NO_LEAK, FILLED, COVERED, FRESH, NEAR_LAST_NIGHT, FIRST_LEVEL_SERVES)

ROWS_NAMED = 5  # rows spelled out in a sentence; the metadata of the check has more


@dataclass(frozen=True)
class Finding:
    """What one check saw.

    Attributes:
        check: One of ``CHECKS``.
        passed: Whether nothing is wrong.
        sentence: What is wrong, or that nothing is.
        rows: The rows that show it.
        stops: Whether publication stops where it did not pass; else it is only shown.
    """

    check: str
    passed: bool
    sentence: str
    rows: pa.Table
    stops: bool = True

    @property
    def message(self) -> str:
        """The sentence with the check's name before it."""
        return f"{self.check.replace('_', ' ')}: {self.sentence}"


def named_rows(rows: pa.Table) -> str:
    """The first rows of a list each in a few words: whose list, which slot, which item."""
    shown = [_in_words(row) for row in rows.slice(0, ROWS_NAMED).to_pylist()]
    more = rows.num_rows - len(shown)
    return "; ".join(shown) + (f"; and {more:,} more" if more else "")


def _in_words(row: Mapping[str, Any]) -> str:
    """Such as "blocked: home on shop-uk, person ann, slot 1: i0"."""
    rule = f"{row['rule']}: " if row.get("rule") else ""
    slot = f", slot {row['rank']}: {row['item_id']}" if row.get("item_id") else ""
    return f"{rule}{row['scenario_id']} on {row['site_id']}, {row['subject_type']} {row['subject_id']}{slot}"
