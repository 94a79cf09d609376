"""Rules in words, one line each, for the catalogue and for people. Keep SQL out."""

from perso_pipeline.segments.behaviour import Did, DidNot, Has
from perso_pipeline.segments.rules import Rule

_FILTERS = ("category", "brand", "item", "channel", "device", "site")


def rule_text(rule: Rule) -> str:
    """The rule as one line."""
    if rule.all:
        return "(" + " and ".join(map(rule_text, rule.all)) + ")"
    if rule.any:
        return "(" + " or ".join(map(rule_text, rule.any)) + ")"
    if rule.none_of:
        return f"not {rule_text(rule.none_of)}"
    if rule.did:
        return " ".join(["did", rule.did.event, *_bounds(rule.did), *_filters(rule.did)])
    if rule.did_not:
        return " ".join(["did not", rule.did_not.event, *_filters(rule.did_not)])
    if rule.has:
        return " ".join(["has", rule.has.total, *_bounds(rule.has), *_filters(rule.has)])
    if rule.has_affinity:
        asked = rule.has_affinity
        share = [] if asked.at_least_share is None else [f"at least {asked.at_least_share}"]
        return " ".join(["has affinity to", asked.kind, " or ".join(asked.value), *share])
    words = [str(rule.attribute), str(rule.op).replace("_", " ")]
    if isinstance(rule.value, tuple):
        words.append(", ".join(str(value) for value in rule.value))
    elif rule.value is not None:
        words.append(str(rule.value).lower() if isinstance(rule.value, bool) else str(rule.value))
    return " ".join(words)


def _bounds(rule: Did | Has) -> list[str]:
    if rule.between is not None:
        return [f"between {rule.between[0]} and {rule.between[1]}"]
    named = (("at least", rule.at_least), ("at most", rule.at_most))
    return [f"{word} {bound}" for word, bound in named if bound is not None]


def _filters(rule: DidNot | Has) -> list[str]:
    words = [f"{name} {' or '.join(value)}" for name in _FILTERS if (value := getattr(rule, name)) is not None]
    prices = (("from", rule.price_at_least), ("to", rule.price_at_most))
    words += [f"price {word} {price}" for word, price in prices if price is not None]
    words += [f"within {rule.within_days} days"] if rule.within_days else []
    return words + ([f"since {rule.since.isoformat()}"] if rule.since else [])
