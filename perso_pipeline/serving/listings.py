"""Category pages and the menu over the API: the person's own order where there is one, else everybody's.

Only looked up, never computed. Lists of scenarios are ``app``'s.
"""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field

from perso_pipeline.serving.store import PublishedStore

_TEXT = {"min_length": 1, "max_length": 256, "pattern": r"^[^\x00-\x1f]+$"}
SiteId = Annotated[str, PathParameter(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Site as in config/sites.yml.")]
Category = Annotated[str, Query(**_TEXT, description="Category path, such as home/kitchen.")]
Person = Annotated[str | None, Query(**_TEXT, description="person_id; none means anyone.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Places wanted.")]


class Place(BaseModel):
    """One item of a category page."""

    rank: int
    item_id: str
    because: str


class CategoryPage(BaseModel):
    """A category in order; ``origin`` is 'subject' where its first places are in the person's own."""

    version: str
    site_id: str
    category: str
    origin: str = Field(pattern="^(subject|anyone)$")
    items: list[Place]


class Menu(BaseModel):
    """Top categories in order, and the one in which a visit may begin, if any."""

    version: str
    site_id: str
    origin: str = Field(pattern="^(subject|anyone)$")
    categories: list[str]
    landing: str | None


# the person's places, then what they do not hold in the category's order
_CATEGORY = """
with own as (
    select rank, item_id, because from personal_category_ranking
    where site_id = $1 and category_path = $2 and person_id = $3
)
select row_number() over (order by is_rest, rank) as rank, item_id, because, not is_rest as is_own
from (
    select false as is_rest, rank, item_id, because from own
    union all
    select true, c.rank, c.item_id, coalesce('rule ' || c.rule, c.strategy)
    from category_ranking as c
    where c.site_id = $1 and c.category_path = $2 and c.item_id not in (select item_id from own)
)
order by 1
limit $4"""

_MENU = """
select category, is_landing, subject_type from navigation
where site_id = $1 and (
    (subject_type = 'person' and subject_id = $2)
    or (
        subject_type = 'anyone'
        and not exists (
            select 1 from navigation as own
            where own.site_id = $1 and own.subject_type = 'person' and own.subject_id = $2
        )
    )
)
order by rank"""


def listings_router(store: PublishedStore) -> APIRouter:
    """Routes over one store."""
    router = APIRouter()

    @router.get("/categories/{site_id}")
    def category_page(site_id: SiteId, category: Category, subject: Person = None, limit: Limit = 24) -> CategoryPage:
        """A category page: the person's own order first, then the category's."""
        answer = store.ask(_CATEGORY, [site_id, category, subject or "", limit])
        if not answer.rows:
            raise HTTPException(404, f"There is nothing to show in {category!r} on {site_id}.")
        return CategoryPage(
            version=answer.version,
            site_id=site_id,
            category=category,
            origin="subject" if answer.rows[0]["is_own"] else "anyone",
            items=[Place(rank=row["rank"], item_id=row["item_id"], because=row["because"]) for row in answer.rows],
        )

    @router.get("/navigation/{site_id}")
    def navigation(site_id: SiteId, subject: Person = None) -> Menu:
        """The order of the menu for a person; that of everybody unknown where they have none."""
        answer = store.ask(_MENU, [site_id, subject or ""])
        if not answer.rows:
            raise HTTPException(404, f"There is no menu for {site_id}.")
        return Menu(
            version=answer.version,
            site_id=site_id,
            origin="subject" if answer.rows[0]["subject_type"] == "person" else "anyone",
            categories=[row["category"] for row in answer.rows],
            landing=next((row["category"] for row in answer.rows if row["is_landing"]), None),
        )

    return router
