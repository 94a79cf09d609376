"""SQL of whom lists are made for and what each subject must not be shown.

CTEs for the composer and for its gate. Where candidates come from is in ``candidates``.
"""

from dataclasses import dataclass

from perso_pipeline.interactions.carts import CARTS, IDENTITIES
from perso_pipeline.recommendations.levels import Filter, Subject
from perso_pipeline.recommendations.scenarios import Scenario

ANYONE = "anyone"
EVERYBODY = "*"


def site_condition(scenario: Scenario) -> str:
    """``$site_0, ...`` bound by ``composer.parameters_of``; true for a scenario on all sites."""
    names = ", ".join(f"$site_{n}" for n in range(len(scenario.sites)))
    return f"site_id in ({names})" if names else "true"


# what takes an item off every list of its site
ITEM_RULES = {
    Filter.SOLD_OUT: "coalesce(stock, 1) <= 0",
    # judged at the end of the night, when the lists go out
    Filter.EXPIRED: "(coalesce(valid_to <= {end}, false) or coalesce(valid_from > {end}, false))",
    Filter.CONTENT: "item_type <> 'product'",
    Filter.PRODUCTS: "item_type <> 'content'",
}
END = "($night::date + 1)::timestamp"

# always in force: deleted, or a service. is_available says several things at once; what stock and dates do not
# explain is a deleted item
UNAVAILABLE_TEST = """(
            item_type is null or item_type not in ('product', 'content')
            or (not is_available and coalesce(stock, 1) > 0 and not {expired})
        )"""

_PEOPLE = """
    select
        site_id, 'person' as subject_type, person_id as subject_id, person_id,
        has_personalization_consent is not false as may_personalize
    from profiles.customer_profiles
    where night = $night"""

_ITEMS = """
    select site_id, 'item' as subject_type, item_id as subject_id, null::varchar as person_id, true as may_personalize
    from profiles.item_profiles
    where night = $night and is_available"""

# Rows (site_id, cart_key, person_id, item_id) of the carts that are open, once each; needs $cart_days.
OPEN_CARTS = """
    select c.site_id, c.cart_key, i.person_id, l.item_id
    from carts as c
    join cart_contents as l on l.site_id = c.site_id and l.cart_key = c.cart_key
    left join identities as i on i.identifier = c.identifier
    where c.is_open"""

_CARTS = """
    select distinct site_id, 'cart' as subject_type, cart_key as subject_id, person_id, true as may_personalize
    from open_carts"""

_SEARCH_TERMS = """
    select
        site_id, 'search_term' as subject_type, term as subject_id, null::varchar as person_id, true as may_personalize
    from recommendations.search_terms
    where night = $night and is_head"""

# an item stands under its category and under every category above it
_CATEGORIES = """
    select distinct
        site_id, 'category' as subject_type, array_to_string(parts[:depth], '/') as subject_id,
        null::varchar as person_id, true as may_personalize
    from (
        select *, unnest(range(1, len(parts) + 1)) as depth
        from (
            select site_id, string_split(category_path, '/') as parts
            from profiles.item_profiles
            where night = $night and is_available and category_path is not null
        )
    )"""

_SEGMENTS = """
    select distinct
        site_id, 'segment' as subject_type, segment_id as subject_id, null::varchar as person_id,
        true as may_personalize
    from segments.segment_membership
    where night = $night"""

_EVERYBODY = f"""
    select distinct site_id, '{ANYONE}' as subject_type, '{EVERYBODY}' as subject_id, null::varchar as person_id,
        false as may_personalize
    from profiles.item_profiles
    where night = $night"""

_SUBJECTS = {
    Subject.PERSON: f"{_PEOPLE} union all {_EVERYBODY}",
    Subject.ITEM: f"{_ITEMS} union all {_EVERYBODY}",
    Subject.CART: f"{_CARTS} union all {_EVERYBODY}",
    Subject.SEARCH_TERM: f"{_SEARCH_TERMS} union all {_EVERYBODY}",
    Subject.CATEGORY: _CATEGORIES,
    Subject.SEGMENT: _SEGMENTS,
    Subject.NONE: _EVERYBODY,
}


def subjects_sql(scenario: Scenario) -> str:
    """``subjects(site_id, subject_type, subject_id, person_id, may_personalize)``: the lists a scenario should have.

    One row per person with a profile, available item, open cart or search term of the sites, and per site one for
    everybody unknown; per category or segment of the sites; or one per site.
    """
    carts = f"{CARTS}, open_carts as materialized ({OPEN_CARTS})," if scenario.subject is Subject.CART else ""
    return f"""{IDENTITIES},
{carts}
subjects as materialized (
    select * from ({_SUBJECTS[scenario.subject]})
    where {site_condition(scenario)}
)"""


@dataclass(frozen=True, slots=True)
class Part:
    """Subjects that are composed together: those of one kind whose ids lie in [first, until).

    Attributes:
        subject: Kind.
        cart_days: How long a cart counts as open; part of the kind, for carts.
        first: Least subject id; None for the first part.
        until: First subject id beyond; None for the last part.
    """

    subject: Subject
    cart_days: int
    first: str | None = None
    until: str | None = None

    @property
    def in_range(self) -> str:
        """Condition on ``subject_id`` that binds ``$first_id`` and ``$until_id``."""
        tests = ["subject_id >= $first_id"] * (self.first is not None) + ["subject_id < $until_id"] * (
            self.until is not None
        )
        return " and ".join(tests) or "true"

    @property
    def subjects_sql(self) -> str:
        """Rows (subject_no, site_id, subject_type, subject_id, person_id, may_personalize) of all sites, by number.

        Numbers follow site, type and id, from 0. Of carts it reads ``open_carts``, rows of ``OPEN_CARTS``.
        """
        return f"""
select (row_number() over (order by site_id, subject_type, subject_id) - 1)::integer as subject_no, *
from ({_SUBJECTS[self.subject]})
where {self.in_range}
order by subject_no"""

    @property
    def context_sql(self) -> str:
        """Rows (subject_no, site_id, item_id): the item of a product page, the items of a cart; reads ``subjects``."""
        return _CONTEXTS.get(self.subject, _NO_CONTEXT)


_CONTEXTS = {
    Subject.ITEM: "select subject_no, site_id, subject_id as item_id from subjects where subject_type = 'item'",
    Subject.CART: """select s.subject_no, s.site_id, l.item_id
    from subjects as s
    join open_carts as l on l.site_id = s.site_id and l.cart_key = s.subject_id
    where s.subject_type = 'cart'""",
}
_NO_CONTEXT = "select subject_no, site_id, null::varchar as item_id from subjects where false"

# Pairs (subject_no, site_id, item_id) that a filter takes off, for the filters that look at more than the item.
_OF_THE_CONTEXT = "select subject_no, site_id, item_id from context_items"
_BY_EVENTS = """
    select p.subject_no, x.site_id, x.item_id
    from subject_identifiers as p
    join interactions.interactions as x on x.identifier = p.identifier and x.site_id = p.site_id
    where x.known_on <= $night and {test}"""

OWN_RULES = {
    Filter.SAME_ITEM: _OF_THE_CONTEXT,
    Filter.IN_CART: _OF_THE_CONTEXT,
    Filter.BLOCKED: _BY_EVENTS.format(test="x.event_type = 'block_item'"),
    Filter.VIEWED: _BY_EVENTS.format(
        test="x.event_type in ('product_view', 'content_consumed') and x.event_date > $night::date - $days::integer"
    ),
    # an order line that was cancelled whole was never bought; one that was sent back was
    Filter.BOUGHT: f"""
    select p.subject_no, x.site_id, x.item_id
    from subject_identifiers as p
    join (
        select site_id, max(identifier) filter (movement = 'sale') as identifier, item_id
        from interactions.order_movements
        where known_on <= $night and is_goods and movement in ('sale', 'cancellation')
            and order_date > $night::date - $days::integer
        group by site_id, order_id, order_line_id, item_id
        having sum(quantity) > 0
    ) as x on x.identifier = p.identifier and x.site_id = p.site_id
    union all{_BY_EVENTS.format(test="x.event_type = 'owns'")}""",
}

# Rows (subject_no, site_id, identifier): under what names a subject's person acts; reads ``subjects``.
SUBJECT_IDENTIFIERS = f"""
with {IDENTITIES}
select s.subject_no, s.site_id, i.identifier
from subjects as s
join identities as i on i.person_id = s.person_id"""
