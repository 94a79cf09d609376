"""``config/sites.yml``: the sites of an installation.

One model, read by raw (zones, unknown sites), the simulated shop (currencies) and the marts.
"""

from typing import Self

from pydantic import Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, first_twice


class Site(ConfigPart):
    """One brand, country or language of the shop."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Key that every record carries as site_id.")
    name: str = Field(description="Name shown in reports.")
    timezone: str = Field(description="IANA zone in which the site's days begin and end.")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code in which the site reports.")
    country: str = Field(default="", description="ISO 3166 alpha-2 country, if there is one.")


class Sites(ConfigPart):
    """The whole of ``config/sites.yml``."""

    sites: list[Site] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        if (twice := first_twice([site.id for site in self.sites])) is not None:
            msg = f"site '{twice}' stands twice; give each its own id"
            raise ValueError(msg)
        return self
