"""The streams that may be delivered, one definition each.

The DuckDB reading, the reasons for rejection, the JSON Schema in ``docs/reference/`` and the simulated
shop all follow from ``STREAMS``. Add a field or an event type here and nowhere else. Keep reading and
SQL out.
"""

from dataclasses import dataclass, field
from enum import Enum


class FieldType(Enum):
    """What a value may be; ``value`` is the DuckDB type of the column it becomes."""

    TEXT = "VARCHAR"
    INTEGER = "BIGINT"
    DECIMAL = "DECIMAL(18,4)"
    RATE = "DECIMAL(18,8)"  # exchange rates: small ones need more than four decimals
    BOOLEAN = "BOOLEAN"
    TIMESTAMP = "TIMESTAMP"  # UTC; delivered as ISO 8601, with or without an offset (none means UTC)
    DATE = "DATE"
    TEXT_LIST = "VARCHAR[]"  # JSON array; in CSV the values stand between '|'
    JSON = "JSON"


class Privacy(Enum):
    """How a value is kept."""

    OPEN = "open"
    HASHED = "hashed"  # normalised, then HMAC-SHA-256; the column is called <name>_hash
    FREE_TEXT = "free text"  # kept, with e-mail addresses and phone numbers masked


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a delivered record."""

    name: str
    type: FieldType
    description: str
    required: bool = False
    minimum: int | None = None
    maximum: int | None = None
    words: tuple[str, ...] = ()
    privacy: Privacy = Privacy.OPEN
    normalise: str | None = None  # "email" or "phone", with privacy HASHED

    @property
    def column(self) -> str:
        """Name of the column in the raw table."""
        return f"{self.name}_hash" if self.privacy is Privacy.HASHED else self.name


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One kind of delivered record; ``landing/<name>/<YYYY-MM-DD>/*`` holds its files."""

    name: str
    description: str
    key: str
    time_field: str
    fields: tuple[Field, ...]
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)  # event type -> fields it cannot lack

    def __getitem__(self, name: str) -> Field:
        return next(f for f in self.fields if f.name == name)

    @property
    def field_names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields)

    @property
    def columns(self) -> frozenset[str]:
        """Columns that its fields have in the tables."""
        return frozenset(f.column for f in self.fields)


LANDING_COLUMNS: dict[str, str] = {
    "event_date": "DATE",
    "load_date": "DATE",
    "file": "VARCHAR",
    "line": "BIGINT",
    "payload": "JSON",
}
LANDING_DESCRIPTIONS: dict[str, str] = {
    "event_date": "Day of the record's own time in the site's zone.",
    "load_date": "Day of arrival: the date of the landing folder.",
    "file": "Path below `landing/`.",
    "line": "Line of the file, or row in Parquet, from 1.",
    "payload": "Fields that the contract does not know, null when there are none.",
}


def _text(name: str, description: str, **more: object) -> Field:
    return Field(name=name, type=FieldType.TEXT, description=description, **more)  # type: ignore[arg-type]


_EVENT_ID = _text(
    "event_id", "Unique id of the event, given by the sender; the key for removing duplicates.", required=True
)
_OCCURRED_AT = Field(name="occurred_at", type=FieldType.TIMESTAMP, required=True, description="When it happened, UTC.")
_SITE_ID = _text("site_id", "Site (brand, country, language) as listed in config/sites.yml.", required=True)
_VISITOR_ID = _text("visitor_id", "First-party cookie or device id.")
_CUSTOMER_ID = _text("customer_id", "Customer number of a signed-in or known customer.")
_REQUEST_ID = _text("request_id", "Recommendation request that this goes back to, if any.")


def _count(name: str, description: str, minimum: int = 0, maximum: int | None = None, **more: object) -> Field:
    return Field(
        name=name,
        type=FieldType.INTEGER,
        description=description,
        minimum=minimum,
        maximum=maximum,
        **more,  # type: ignore[arg-type]
    )


def _amount(name: str, description: str, minimum: int | None = 0, **more: object) -> Field:
    return Field(name=name, type=FieldType.DECIMAL, description=description, minimum=minimum, **more)  # type: ignore[arg-type]


def _event_type(*words: str) -> Field:
    return _text("event_type", "What happened.", required=True, words=words)


STOREFRONT_EVENTS = Stream(
    name="storefront_events",
    description="What visitors do on a site: pages, products, search, cart, checkout, account.",
    key="event_id",
    time_field="occurred_at",
    fields=(
        _EVENT_ID,
        _event_type(
            "page_view",
            "category_view",
            "product_view",
            "search_request",
            "search_response",
            "add_to_cart",
            "remove_from_cart",
            "cart_quantity_change",
            "cart_view",
            "checkout_start",
            "checkout_complete",
            "sign_in",
            "sign_out",
            "add_to_wish_list",
            "remove_from_wish_list",
            "requisition_list_create",
            "add_to_requisition_list",
            "remove_from_requisition_list",
            "quote_accepted",
            "content_consumed",
            "rating",
            "owns",
            "block_item",
        ),
        _OCCURRED_AT,
        _SITE_ID,
        _text("visitor_id", "First-party cookie or device id.", required=True),
        _CUSTOMER_ID,
        Field(
            name="is_success",
            type=FieldType.BOOLEAN,
            description="For sign_in: whether it succeeded. An attempt is no proof of who someone is.",
        ),
        _text("item_id", "Product or content item."),
        _text("category_path", "Category path such as 'home/kitchen/mugs'."),
        _count("quantity", "Pieces added, removed or now in the cart."),
        _amount("price", "Price of one piece as shown, taxes included."),
        _text("currency", "ISO 4217 code of the price."),
        _text("cart_id", "Cart."),
        _text("order_id", "Order number, on checkout_complete."),
        _REQUEST_ID,
        _text("search_id", "Joins search_request and search_response."),
        _text("search_query", "What was searched for.", privacy=Privacy.FREE_TEXT),
        _count("results_count", "Number of results, on search_response."),
        _count("percentage", "Share of a content item consumed.", 0, 100),
        _count("rating", "Rating; other scales are brought to 0 to 100.", 0, 100),
        _text("url", "Address of the page.", privacy=Privacy.FREE_TEXT),
        _text("referrer", "Address of the page before.", privacy=Privacy.FREE_TEXT),
        _text("utm_source", "Campaign source."),
        _text("utm_medium", "Campaign medium."),
        _text("utm_campaign", "Campaign name."),
        _text("click_id", "Ad click id with its kind, such as 'gclid:abc'."),
        _text("user_agent", "User agent of the browser or app.", privacy=Privacy.FREE_TEXT),
        _text("country", "ISO 3166 alpha-2 country of the visitor."),
    ),
    needs={
        "product_view": ("item_id",),
        "add_to_cart": ("item_id", "quantity"),
        "remove_from_cart": ("item_id",),
        "cart_quantity_change": ("item_id", "quantity"),
        "checkout_complete": ("order_id",),
        "search_request": ("search_query",),
        "search_response": ("search_id", "results_count"),
        "add_to_wish_list": ("item_id",),
        "remove_from_wish_list": ("item_id",),
        "content_consumed": ("item_id", "percentage"),
        "rating": ("item_id", "rating"),
        "owns": ("item_id",),
        "block_item": ("item_id",),
    },
)

RECOMMENDATION_EVENTS = Stream(
    name="recommendation_events",
    description="What became of each recommendation request: served, rendered, seen, clicked, carted.",
    key="event_id",
    time_field="occurred_at",
    fields=(
        _EVENT_ID,
        _event_type("served", "rendered", "viewed", "clicked", "added_to_cart"),
        _OCCURRED_AT,
        _SITE_ID,
        _text("visitor_id", "First-party cookie or device id.", required=True),
        _CUSTOMER_ID,
        _text("request_id", "The request; joins all events of one served list.", required=True),
        _text("scenario_id", "Placement as in config/scenarios.yml, on served."),
        _text(
            "variant",
            "'treatment', or 'control' where the list was held back, on served.",
            words=("treatment", "control"),
        ),
        Field(
            name="item_ids",
            type=FieldType.TEXT_LIST,
            description="Items in order of slots, on served, rendered and viewed.",
        ),
        _text("item_id", "The item clicked or carted."),
        _text("context_item_id", "Item on whose page the list stood."),
        _text("model_version", "Model and version that made the list."),
        _text("user_agent", "User agent of the browser or app.", privacy=Privacy.FREE_TEXT),
    ),
    needs={
        "served": ("scenario_id", "variant", "item_ids"),
        "clicked": ("item_id",),
        "added_to_cart": ("item_id",),
    },
)

ORDER_EVENTS = Stream(
    name="order_events",
    description="What the back office says of an order, one record per order line and event.",
    key="event_id",
    time_field="occurred_at",
    fields=(
        _EVENT_ID,
        _event_type(
            "order_placed",
            "order_invoiced",
            "items_shipped",
            "shipment_completed",
            "order_cancelled",
            "line_refunded",
            "return_started",
            "return_completed",
            "balance_adjusted",
            "stock_written_off",
        ),
        _OCCURRED_AT,
        _SITE_ID,
        _text("order_id", "Order number; unique within a site.", required=True),
        _text("order_line_id", "Line within the order.", required=True),
        _CUSTOMER_ID,
        _VISITOR_ID,
        _text("email", "E-mail address given with the order.", privacy=Privacy.HASHED, normalise="email"),
        _text("loyalty_id", "Loyalty card shown or entered with the order."),
        _text("item_id", "Product, or a service such as postage.", required=True),
        _count("quantity", "Pieces placed, cancelled, returned or refunded.", required=True),
        _amount("unit_price", "Price of one piece, taxes included.", None),
        _amount("discount", "Discount on the line, taxes included."),
        _amount(
            "amount",
            "Money of the event for the line: on order_placed quantity x unit_price - discount; what was paid "
            "back on line_refunded and order_cancelled; signed on balance_adjusted (write-offs are negative).",
            None,
            required=True,
        ),
        _amount("unit_cost", "Cost of one piece to the shop."),
        _text("currency", "ISO 4217 code of all amounts.", required=True),
        _REQUEST_ID,
        _text("order_channel", "Where the order was taken: web, app, store, phone."),
        _text("country", "ISO 3166 alpha-2 country, or the name as delivered."),
        _text("coupon_code", "Coupon used."),
    ),
    needs={"order_placed": ("unit_price",)},
)

PROFILE_EVENTS = Stream(
    name="profile_events",
    description="What source systems say of a customer: account events and profile records.",
    key="event_id",
    time_field="occurred_at",
    fields=(
        _EVENT_ID,
        _event_type("profile_record", "account_created", "account_updated", "account_deleted", "consent_changed"),
        _OCCURRED_AT,
        _SITE_ID,
        _text("customer_id", "Customer number.", required=True),
        _VISITOR_ID,
        _text("source_system", "System that says so: shop, erp, crm, cms, pos."),
        _text("email", "E-mail address.", privacy=Privacy.HASHED, normalise="email"),
        _text("phone", "Phone number with country code.", privacy=Privacy.HASHED, normalise="phone"),
        _text("loyalty_id", "Loyalty card."),
        _text("loyalty_tier", "Loyalty tier."),
        Field(name="birth_date", type=FieldType.DATE, description="Date of birth."),
        _text("country", "ISO 3166 alpha-2 country."),
        _text("company_id", "Company of a business customer."),
        Field(name="has_email_consent", type=FieldType.BOOLEAN, description="May be written to by e-mail."),
        Field(
            name="has_personalization_consent",
            type=FieldType.BOOLEAN,
            description="Behaviour may be used for personalization.",
        ),
        Field(
            name="attributes",
            type=FieldType.JSON,
            description="Further attributes of the source system, as an object.",
            privacy=Privacy.FREE_TEXT,
        ),
    ),
)

MESSAGE_EVENTS = Stream(
    name="message_events",
    description="What became of a message that was sent: sent, opened, clicked.",
    key="event_id",
    time_field="occurred_at",
    fields=(
        _EVENT_ID,
        _event_type("sent", "opened", "clicked", "bounced", "unsubscribed"),
        _OCCURRED_AT,
        _SITE_ID,
        _text("customer_id", "Customer number.", required=True),
        _VISITOR_ID,
        _text("message_id", "The message; joins its events.", required=True),
        _text("message_channel", "Channel.", words=("email", "sms", "push")),
        _text("campaign_id", "Campaign."),
        _text("trigger_id", "Trigger, if one sent it."),
    ),
)

CATALOG_ITEMS = Stream(
    name="catalog_items",
    description="Products, services and content as the catalogue has them; each record replaces the one before.",
    key="event_id",
    time_field="occurred_at",
    fields=(
        _EVENT_ID,
        _event_type("item_upserted", "item_deleted"),
        _OCCURRED_AT,
        _SITE_ID,
        _text("item_id", "Item.", required=True),
        _text("item_type", "What it is.", words=("product", "content", "service")),
        _text("name", "Name shown to shoppers."),
        _text("description", "Text shown to shoppers."),
        _text("brand", "Brand."),
        Field(
            name="category_paths", type=FieldType.TEXT_LIST, description="Category paths such as 'home/kitchen/mugs'."
        ),
        _amount("price", "Price now, taxes included."),
        _text("currency", "ISO 4217 code of price and cost."),
        _amount("unit_cost", "Cost of one piece to the shop."),
        _count("stock", "Pieces in stock."),
        Field(name="valid_from", type=FieldType.TIMESTAMP, description="Shown from, UTC; nothing means always."),
        Field(
            name="valid_to",
            type=FieldType.TIMESTAMP,
            description="Shown until, UTC, exclusive; nothing means for ever.",
        ),
        _text("parent_item_id", "Parent of a variant."),
        _text("image_url", "Picture."),
        Field(name="attributes", type=FieldType.JSON, description="Further attributes, as an object."),
    ),
    needs={"item_upserted": ("item_type", "name")},
)

EXCHANGE_RATES = Stream(
    name="exchange_rates",
    description="What one unit of a currency is worth in another on a day.",
    key="event_id",
    time_field="occurred_at",
    fields=(
        _EVENT_ID,
        _event_type("rate_published"),
        _OCCURRED_AT,
        _SITE_ID,
        _text("from_currency", "ISO 4217 code.", required=True),
        _text("to_currency", "ISO 4217 code.", required=True),
        Field(
            name="rate",
            type=FieldType.RATE,
            description="to_currency for one from_currency.",
            required=True,
            minimum=0,
        ),
    ),
)

STREAMS: dict[str, Stream] = {
    s.name: s
    for s in (
        STOREFRONT_EVENTS,
        RECOMMENDATION_EVENTS,
        ORDER_EVENTS,
        PROFILE_EVENTS,
        MESSAGE_EVENTS,
        CATALOG_ITEMS,
        EXCHANGE_RATES,
    )
}
