"""What a rule's condition says of an item, in plain Python; ``naive`` asks it."""

import json
import math
from typing import Any

_COLUMNS = {"category": "category_path", "item": "item_id", "parent": "parent_item_id"}


def value_of(item: dict[str, Any], attribute: str) -> Any:
    if attribute.startswith("attributes."):
        found = json.loads(item["attributes"] or "{}")
        for name in attribute.split(".")[1:]:
            found = found.get(name) if isinstance(found, dict) else None
        return found
    return item.get(_COLUMNS.get(attribute, attribute))


def holds(value: Any, condition: dict[str, Any], reference: Any) -> bool:
    """Whether it holds of an item whose attribute has this value, against the reference where it has ``of``."""
    op, wanted = condition["op"], condition.get("value")
    if condition["attribute"].startswith("attributes.") and op not in ("is_known", "is_unknown"):
        return _holds_of_own_words(value, op, wanted)
    if condition.get("of"):
        if condition["attribute"] == "price":
            low, high = wanted if op == "between" else (wanted, wanted)
            if value is None:
                return False
            return {
                "at_least": value * 100 >= reference * low,
                "at_most": value * 100 <= reference * high,
                "between": reference * low <= value * 100 <= reference * high,
            }[op]
        if condition["attribute"] == "category" and condition.get("levels"):
            reference = "/".join(reference.split("/")[: condition["levels"]])
        wanted = reference
    if op == "is_known":
        return value is not None
    if op == "is_unknown":
        return value is None
    if op in ("is", "is_not", "in"):
        options = wanted if op == "in" else [wanted]
        same = value in options
        if condition["attribute"] == "category" and value is not None:
            same = any(value == o or value.startswith(f"{o}/") for o in options)
        return same == (op != "is_not") if value is not None else op == "is_not"
    if value is None:
        return False
    return {
        "at_least": lambda: value >= wanted,
        "at_most": lambda: value <= wanted,
        "between": lambda: wanted[0] <= value <= wanted[1],
    }[op]()


def _holds_of_own_words(value: Any, op: str, wanted: Any) -> bool:
    if isinstance(wanted, bool):
        is_so = {"true": True, "yes": True, "false": False}.get(str(value).lower()) is wanted
    elif isinstance(wanted, int):
        number = float(value) if value not in (None, "heavy") else math.nan
        is_so = number <= wanted if op == "at_most" else number >= wanted if op == "at_least" else number == wanted
    else:
        options = wanted if op == "in" else [wanted]
        is_so = bool(set(options) & set(value if isinstance(value, list) else [value]))
    return is_so != (op == "is_not")
