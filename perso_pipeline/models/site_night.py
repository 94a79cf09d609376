"""One site on one night: its settings, what it could learn from, and the hash that names both."""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.evidence import Evidence, read_evidence, with_evidence
from perso_pipeline.models.groups import Groups, read_groups
from perso_pipeline.models.past import with_past
from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.roster import READS_CATALOGUE, READS_EVENTS
from perso_pipeline.models.signals import Signals, matrix_as_of, read_signals
from perso_pipeline.models.submodels import slots_read

# Part of every key and version: raise it when the arithmetic of a model, a metric or a draw changes.
MODELS_VERSION = 3


@dataclass(frozen=True, slots=True)
class SiteNight:
    """Data and settings of a site as of a night."""

    site_id: str
    night: date
    config: SiteModels
    signals: Signals
    evidence: Evidence
    groups: Groups

    @classmethod
    def read(cls, warehouse: Warehouse, site_id: str, night: date, config: SiteModels) -> "SiteNight":
        evidence = read_evidence(
            warehouse,
            site_id,
            night,
            config.signals,
            events=not READS_EVENTS.isdisjoint(config.race),
            items=not READS_CATALOGUE.isdisjoint(config.race),
        )
        signals = read_signals(
            warehouse, site_id, night, config.signals, slots=slots_read(config), time_zone=config.time_zone
        )
        return cls(site_id, night, config, signals, evidence, read_groups(warehouse, site_id, night))

    @property
    def key(self) -> str:
        """One hash for data, config and code: equal keys, equal models."""
        parts = (
            self.night.isoformat(),
            self.site_id,
            self.signals.fingerprint,
            self.evidence.fingerprint,
            self.groups.fingerprint,
            self.config.digest,
            str(MODELS_VERSION),
        )
        return hashlib.sha256("|".join(parts).encode()).hexdigest()

    @property
    def version(self) -> str:
        """Version of the night's models; the same on every machine, unlike the registry's running number."""
        return f"{self.night.isoformat()}.{self.key[:8]}"

    def matrix(self) -> InteractionMatrix:
        """Everything known on the night, for the models that will serve."""
        matrix = matrix_as_of(self.signals, self.night + timedelta(days=1), self.config.signals)
        return with_past(with_evidence(matrix, self.evidence), self.signals, self.config.signals, self.evidence)
