"""What each call of version 2 is in version 3: the mapping of the second journey."""

from canary.successors import answer, parameter, route, shape


def listed(name: str, shape_name: str) -> dict:
    answers = (answer("page"), answer(shape_name, "/data/*", "/items/*"))
    return route(f"GET /{name}", f"GET /{name}", parameters=(parameter("cursor"),), answers=answers)


ROUTES = (
    listed("products", "product"),
    route("GET /products/{pk}", "GET /products/{pk}", answers=(answer("product"),)),
    listed("orders", "order"),
    route("POST /orders", "POST /orders", answers=(answer("order"),), statuses=(201, 201)),
    route("GET /orders/{pk}", "GET /orders/{pk}", answers=(answer("order"),)),
)
SHAPES = {
    "product": shape("id", "title", ("price_cents", "price.cents")),
    "order": shape("id", "product", "quantity", "buyer", "state", ("total_cents", "total.cents")),
    "page": shape(("data", "items", "items"), ("page.next", None)),
}
V2_ONLY = {"product": ("price.currency",), "order": ("total.currency",), "page": ("next",)}
CONVERSIONS = {}
