"""``perso replay``: rejected records read again from landing after a mend, and their nights run again."""

from collections.abc import Callable
from datetime import date
from itertools import groupby

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.sites import Sites
from perso_pipeline.operation.nights import run_nights
from perso_pipeline.raw.replay import replay
from perso_pipeline.raw.suppression import read_list
from perso_pipeline.resources.opening import open_warehouse
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import Settings


def replay_rejected(settings: Settings, *, on_step: Callable[[str], None]) -> None:
    """Read what was refused again and run the nights that came out better, their later stages included."""
    warehouse = open_warehouse(settings)
    report = replay(
        warehouse,
        landing_dir=settings.landing_dir,
        sites=read_config(settings.config_dir / "sites.yml", Sites),
        hash_key=settings.hash_key_bytes,
        suppressed=read_list(settings.erasures_dir),
    )
    for stream in report.streams:
        on_step(
            f"{stream.stream}: rejected {stream.rejected_before:,} before, {stream.rejected_after:,} now; "
            f"accepted {stream.accepted_before:,} before, {stream.accepted_after:,} now"
        )
    nights = sorted({night for stream in report.streams if stream.is_changed for night in stream.nights})
    if not nights:
        on_step("Nothing came out better, so no night is run again.")
        return
    for _, run in groupby(enumerate(nights), key=lambda pair: pair[1].toordinal() - pair[0]):
        days = [night for _, night in run]
        run_nights(days[0], days[-1], settings=settings, facts_only=True, on_step=on_step)
    _run_later_stages(warehouse, nights[0], settings=settings, on_step=on_step)


def _run_later_stages(
    warehouse: DuckDBWarehouse, first_changed: date, *, settings: Settings, on_step: Callable[[str], None]
) -> None:
    """Run the newest night that has been run to its end; say which older snapshots were made before the mend."""
    if not warehouse.exists("profiles.customer_profiles"):
        return
    made = warehouse.query(
        "select distinct night from profiles.customer_profiles where night >= ? order by night", [first_changed]
    )["night"].to_pylist()
    if not made:
        return
    run_nights(made[-1], made[-1], settings=settings, on_step=on_step)
    if len(made) > 1:
        on_step(
            f"Profiles and lists of {made[0]} to {made[-2]} were made before the mend; "
            f"perso run --from {made[0]} --night {made[-2]} makes them again."
        )
