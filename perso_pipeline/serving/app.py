"""The API: lists and people as published, nothing computed.

``create_app(published_dir)`` gives the FastAPI application that ``perso up`` starts on 127.0.0.1. It asks
nobody who they are; docs say how to put a proxy in front. SQL that does more than look up stays out.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi import Path as PathParameter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.serving.listings import SiteId, listings_router
from perso_pipeline.serving.store import PublishedStore
from perso_pipeline.settings import Settings

ScenarioId = Annotated[
    str, PathParameter(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="As in config/scenarios.yml.")
]
_Text = {"min_length": 1, "max_length": 256, "pattern": r"^[^\x00-\x1f]+$"}
SubjectId = Annotated[str | None, Query(**_Text, description="Person, item or cart; none means anyone.")]
PersonId = Annotated[str, PathParameter(**_Text, description="person_id as in customer_profiles.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Slots wanted.")]


class Health(BaseModel):
    """What is published."""

    status: str
    version: str
    night: date
    tables: dict[str, int]


class Slot(BaseModel):
    """One recommended item."""

    model_config = ConfigDict(protected_namespaces=())

    rank: int
    item_id: str
    score: float
    level: int
    strategy: str
    model: str
    model_version: str
    is_fallback: bool


class RecommendationList(BaseModel):
    """A list and whom it was made for: ``origin`` is 'subject', or 'anyone' where the subject has none."""

    version: str
    site_id: str
    scenario_id: str
    subject: str | None
    origin: str = Field(pattern="^(subject|anyone)$")
    items: list[Slot]


class Person(BaseModel):
    """A person's profile and segments."""

    version: str
    profile: dict[str, Any]
    segments: list[str]


_SLOTS = """
select rank, item_id, score, level, strategy, model, model_version, is_fallback
from recommendations
where site_id = ? and scenario_id = ? and subject_id = ? and (subject_type = 'anyone') = (? = 'anyone')
order by rank
limit ?"""


# one statement, so that profile and segments are of one version whatever is swapped meanwhile
_PERSON = """
select
    p.*,
    coalesce(
        (
            select list(m.segment_id order by m.segment_id)
            from segment_membership as m
            where m.site_id = p.site_id and m.person_id = p.person_id
        ), []
    ) as segments
from customer_profiles as p
where p.site_id = ? and p.person_id = ?"""


def create_app(published_dir: Path) -> FastAPI:
    """The application over one published folder."""
    store = PublishedStore(published_dir)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        store.close()

    app = FastAPI(title="perso_pipeline", summary="Published recommendations and profiles", lifespan=lifespan)

    @app.exception_handler(PersoError)
    def nothing_published(_: Request, error: PersoError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=503)

    @app.exception_handler(RequestValidationError)
    def not_valid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return JSONResponse({"detail": f"{first['loc'][-1]}: {first['msg'].lower()}."}, status_code=422)

    @app.get("/health")
    def health() -> Health:
        """Version, night and rows of what is published."""
        answer = store.ask("select night, table_name, rows from manifest order by table_name")
        tables = {row["table_name"]: row["rows"] for row in answer.rows}
        return Health(status="ok", version=answer.version, night=answer.rows[0]["night"], tables=tables)

    @app.get("/recommendations/{site_id}/{scenario_id}")
    def recommendations(
        site_id: SiteId, scenario_id: ScenarioId, subject: SubjectId = None, limit: Limit = 12
    ) -> RecommendationList:
        """The list of a person, item or cart; that of everybody unknown where there is none."""
        answer = store.ask(_SLOTS, [site_id, scenario_id, subject, "subject", limit]) if subject else None
        origin = "subject"
        if answer is None or not answer.rows:
            answer = store.ask(_SLOTS, [site_id, scenario_id, "*", "anyone", limit])
            origin = "anyone"
        if not answer.rows:
            known = store.ask("select distinct site_id || '/' || scenario_id as list from recommendations order by 1")
            listed = ", ".join(row["list"] for row in known.rows)
            raise HTTPException(404, f"There are no lists for {site_id}/{scenario_id}; there are lists for {listed}.")
        return RecommendationList(
            version=answer.version, site_id=site_id, scenario_id=scenario_id, subject=subject, origin=origin,
            items=[Slot(**row) for row in answer.rows],
        )  # fmt: skip

    @app.get("/people/{site_id}/{person_id}")
    def people(site_id: SiteId, person_id: PersonId) -> Person:
        """Profile and segments of a person."""
        answer = store.ask(_PERSON, [site_id, person_id])
        if not answer.rows:
            raise HTTPException(404, f"There is no person {person_id!r} on {site_id} in version {answer.version}.")
        profile = answer.rows[0]
        return Person(version=answer.version, segments=profile.pop("segments"), profile=profile)

    app.include_router(listings_router(store))
    return app


app = create_app(Settings().published_dir)  # what uvicorn is told to start; opens nothing before the first question
