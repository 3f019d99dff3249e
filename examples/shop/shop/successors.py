"""What each call of version 1 is in version 2: for comparing both, for links, and for the answers after v1's end."""

from decimal import Decimal

from canary.successors import answer, parameter, route, shape

PAGES = (parameter("page", rule="from_page", note="follow `page.next`"),)


def listed(name: str, shape_name: str) -> dict:
    answers = (answer("page"), answer(shape_name, "/results/*", "/data/*"))
    return route(f"GET /{name}", f"GET /{name}", parameters=PAGES, answers=answers)


ROUTES = (
    listed("products", "product"),
    route("GET /products/{pk}", "GET /products/{pk}", answers=(answer("product"),)),
    listed("orders", "order"),
    route("POST /orders", "POST /orders", answers=(answer("order"),), statuses=(201, 201)),
    route("GET /orders/{pk}", "GET /orders/{pk}", answers=(answer("order"),)),
)
SHAPES = {
    "product": shape("id", ("name", "title"), ("price", "price_cents", "cents")),
    "order": shape(
        "id",
        "product",
        "quantity",
        ("customer", "buyer"),
        ("total", "total_cents", "cents"),
        ("status", "state", "lower_case"),
    ),
    "page": shape(("results", "data", "items"), ("count", None), ("next", None), ("previous", None)),
}
V2_ONLY = {"page": ("page.next",)}
CONVERSIONS = {"cents": lambda price: int(Decimal(price) * 100)}
