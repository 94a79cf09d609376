from datetime import date
from pathlib import Path

import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.definitions import defs
from perso_pipeline.operation.nights import made_of, run_nights
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.settings import Settings


def test_up_to_a_table_means_it_and_what_it_is_made_of() -> None:
    chosen = {".".join(key.path) for key in made_of(["interactions.sessions"]).resolve(defs.resolve_asset_graph())}
    assert {"raw.storefront_events", "interactions.session_days", "interactions.sessions"} <= chosen
    assert not {"interactions.served_lists", "raw.recommendation_events", "profiles.customer_profiles"} & chosen


def test_a_table_there_is_not_is_refused_with_the_nearest(tmp_path: Path) -> None:
    night = date.fromisoformat(NIGHTLY.get_partition_keys()[-1])
    settings = Settings(home=tmp_path)
    with pytest.raises(
        PersoError, match=r"no table 'interactions\.session' \(did you mean 'interactions\.sessions'\?\)"
    ):
        run_nights(night, night, settings=settings, up_to=["interactions.session"], on_step=print)
