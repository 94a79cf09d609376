"""``config/channels.yml``: which channel a session belongs to, as the dbt variable ``channels``.

Groups and order as shipped are those of Google Analytics 4's default channel group
(support.google.com/analytics/answer/9756891). Keep SQL in ``sql/macros/channel.sql``.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

import duckdb
from pydantic import AfterValidator, Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, first_twice, read_config

# said by the pipeline itself: no sign of a source, a source that no rule names
DIRECT, UNASSIGNED = "direct", "unassigned"
# channels of order lines without a session: no visitor (a till, a call centre), or a visitor whose visit is unknown
OFFLINE, UNKNOWN = "offline", "unknown"


def _is_pattern(text: str) -> str:
    try:
        duckdb.execute("select regexp_matches('', ?)", [text]).fetchall()
    except duckdb.Error as error:
        cause = str(error).splitlines()[0].removeprefix("Invalid Input Error: ")
        msg = f"'{text}' is no regular expression that re2 takes ({cause})"
        raise ValueError(msg) from error
    return text


Pattern = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_is_pattern)]
Word = Annotated[str, Field(pattern=r"^[a-z0-9.-]+$", max_length=100)]
Words = Annotated[list[Word], Field(min_length=1)]
Kind = Literal["search", "social", "shopping", "video"]


class ClickId(ConfigPart):
    """What a kind of ad click id says of the visit."""

    kind: Word = Field(description="What stands before the colon of click_id, such as gclid.")
    source: Word
    medium: Word


class SourceKinds(ConfigPart):
    """Names of sources by kind."""

    search: Words
    social: Words
    shopping: Words
    video: Words


class Rule(ConfigPart):
    """Holds where every key that is given holds."""

    source: Pattern | None = None
    source_kind: Kind | None = None
    medium: Pattern | None = None
    campaign: Pattern | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Rule":
        if not self.model_fields_set:
            msg = "a rule needs at least one of source, source_kind, medium and campaign"
            raise ValueError(msg)
        return self


class Channel(ConfigPart):
    """A channel and the rules of which one must hold."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
    when: Annotated[list[Rule], Field(min_length=1)]


class Channels(ConfigPart):
    """The file."""

    click_ids: list[ClickId]
    source_kinds: SourceKinds
    channels: Annotated[list[Channel], Field(min_length=1)]

    @model_validator(mode="after")
    def _are_distinct(self) -> "Channels":
        ids = [channel.id for channel in self.channels]
        taken = {DIRECT, UNASSIGNED, OFFLINE, UNKNOWN} & set(ids)
        if taken:
            msg = f"'{min(taken)}' is given by the pipeline itself; take another id"
            raise ValueError(msg)
        if (twice := first_twice(ids)) is not None:
            msg = f"channel '{twice}' stands twice; put the rules of both together"
            raise ValueError(msg)
        return self

    def variable(self) -> dict[str, object]:
        """What the macro ``channel`` reads: every rule as a list of (column, regular expression)."""
        kinds = {kind: _named(words) for kind, words in self.source_kinds.model_dump().items()}
        return {
            "search": kinds["search"],
            "click_ids": [click_id.model_dump() for click_id in self.click_ids],
            "channels": [
                {"id": channel.id, "when": [_conditions(rule, kinds) for rule in channel.when]}
                for channel in self.channels
            ],
        }


def read_channels(config_dir: Path) -> Channels:
    """Read ``config/channels.yml``.

    Raises:
        ConfigError: it does not fit; names line and key.
    """
    return read_config(config_dir / "channels.yml", Channels)


def _named(words: list[str]) -> str:
    """Pattern of a host or name that has one of the words between its dots."""
    return rf"(^|\.)({'|'.join(map(re.escape, words))})(\.|$)"


def _conditions(rule: Rule, kinds: dict[str, str]) -> list[list[str]]:
    given = {"source": rule.source, "medium": rule.medium, "campaign": rule.campaign}
    conditions = [[column, pattern] for column, pattern in given.items() if pattern is not None]
    return conditions + ([["source", kinds[rule.source_kind]]] if rule.source_kind else [])
