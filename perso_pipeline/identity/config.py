"""``config/identity.yml``: which evidence joins identifiers, how far, and what must never be joined.

Add a kind of evidence here and in ``sql/models/identity/identity_evidence.sql``. Keep SQL out.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, first_twice, read_config

Trust = Annotated[float, Field(ge=0, le=1)]


class Kind(StrEnum):
    """Kinds of identifiers; ``<kind>:<value>`` is an identifier."""

    CUSTOMER = "customer"
    EMAIL = "email"
    LOYALTY = "loyalty"
    PHONE = "phone"
    VISITOR = "visitor"


_KINDS = "|".join(Kind)
Identifier = Annotated[str, StringConstraints(pattern=rf"^({_KINDS}):.+$", max_length=300)]


class TrustLevels(ConfigPart):
    """How far each kind of evidence is trusted, 0 to 1: the share of such links that hold."""

    sign_in: Trust = Field(default=1.0, description="A visitor signed in as a customer.")
    order_device: Trust = Field(default=0.95, description="A visitor ordered as a customer.")
    order_email: Trust = Field(default=0.95, description="An order gave an e-mail address.")
    order_loyalty: Trust = Field(default=0.9, description="An order gave a loyalty card.")
    account_device: Trust = Field(default=0.95, description="An account was opened or changed on a device.")
    account_email: Trust = Field(default=0.95, description="An account has an e-mail address.")
    account_phone: Trust = Field(default=0.8, description="An account has a phone number; families share them.")
    account_loyalty: Trust = Field(default=0.9, description="An account has a loyalty card.")
    message_click: Trust = Field(default=0.7, description="A visitor clicked in a message; messages are forwarded.")


class Limit(ConfigPart):
    """How many others of one kind an identifier may name before it joins nobody any more."""

    identifier: Kind = Field(description="Kind of the identifier that is limited.")
    others: Kind = Field(description="Kind of the identifiers that are counted.")
    at_most: int = Field(ge=1, description="One more than this, and it joins nobody.")


class IdentityRules(ConfigPart):
    """The whole of ``config/identity.yml``."""

    trust: TrustLevels = TrustLevels()
    least_trust: Trust = Field(default=0.6, description="Evidence below this joins nobody.")
    belongs_to_one: tuple[Kind, ...] = Field(
        default=(Kind.VISITOR,),
        description="Kinds that belong to one other identifier only: the most trusted, then the first known.",
    )
    limits: tuple[Limit, ...] = ()
    unmerge: tuple[Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=2)], ...] = Field(
        default=(),
        description="One identifier: it stands alone. Two: they are kept apart, and the weakest links give way.",
    )

    @model_validator(mode="after")
    def _nothing_stands_twice(self) -> Self:
        counted = [(limit.identifier, limit.others) for limit in self.limits]
        if twice := first_twice(counted):
            msg = f"the limit of '{twice[0]}' by '{twice[1]}' stands twice"
            raise ValueError(msg)
        for entry in self.unmerge:
            if first_twice(entry):
                msg = f"unmerge names '{entry[0]}' as both ends of a pair; to let it stand alone, name it once"
                raise ValueError(msg)
        return self

    @property
    def alone(self) -> tuple[str, ...]:
        """Identifiers that join nobody, in order."""
        return tuple(sorted({entry[0] for entry in self.unmerge if len(entry) == 1}))

    @property
    def apart(self) -> tuple[tuple[str, str], ...]:
        """Pairs that are kept apart, each and all in order."""
        return tuple(sorted({(min(entry), max(entry)) for entry in self.unmerge if len(entry) > 1}))


def read_identity_rules(config_dir: Path) -> IdentityRules:
    """Read ``identity.yml``.

    Raises:
        ConfigError: the file does not fit; names line and key.
    """
    return read_config(config_dir / "identity.yml", IdentityRules)
