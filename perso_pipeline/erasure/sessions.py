"""Facts of the days on which an erased person used a device together with others, made anew without them.

A session may hold events of both: what is left of it is the others'. Which days these are stands in ``raw.loaded_days``
of the newest night. Keep finding and deleting people out.
"""

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.identity.config import read_identity_rules
from perso_pipeline.identity.resolve import resolve
from perso_pipeline.interactions.channels import read_channels
from perso_pipeline.resources.dbt import DbtResource
from perso_pipeline.resources.dbt_results import failed_sentence
from perso_pipeline.resources.warehouse import DuckDBWarehouse, WarehouseResource
from perso_pipeline.settings import Settings

_FACTS = ("path:models/staging", "path:models/identity", "path:models/interactions")


def renew(settings: Settings, store: DuckDBWarehouse) -> None:
    """Make staging to interactions anew for the days that the newest night touched; a second call changes nothing.

    Raises:
        PersoError: a model or a test of one failed; says which and why.
    """
    if not store.exists("interactions.sessions"):
        return
    newest = store.query("select max(load_date) as night from raw.loaded_days")["night"][0].as_py()
    resource = WarehouseResource(
        path=str(store.path), memory_limit=settings.memory_limit, threads=settings.threads
    )  # fmt: skip
    results = DbtResource().build(
        resource,
        select=_FACTS,
        variables={
            "from_night": newest.isoformat(),
            "to_night": newest.isoformat(),
            "channels": read_channels(settings.config_dir).variable(),
        },
    )
    failed = failed_sentence(results)
    if failed:
        raise PersoError(failed)
    with store.transaction(purpose="erasing people") as connection:
        resolve(connection, read_identity_rules(settings.config_dir), first=newest, last=newest)
