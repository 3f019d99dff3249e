"""Both versions show the same shop, each in its own words."""

from django.contrib.auth.models import User
from django.test import TestCase

from canary.successors import validate
from shop import successors, successors_v3
from shop.models import Order, Product


class ShopTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.products = [Product.objects.create(title=f"Tea {n}", price_cents=250 + n) for n in range(12)]
        cls.mia, cls.tom = (User.objects.create_user(name) for name in ("mia", "tom"))

    def test_a_product_has_its_price_in_decimals_and_in_cents(self) -> None:
        pk = self.products[0].pk
        old, new = (self.client.get(f"/api/v{version}/products/{pk}").json() for version in (1, 2))
        self.assertEqual(old, {"id": pk, "name": "Tea 0", "price": "2.50"})
        self.assertEqual(new, {"id": pk, "title": "Tea 0", "price_cents": 250})

    def test_lists_have_page_numbers_and_cursors(self) -> None:
        old = self.client.get("/api/v1/products?page=2").json()
        first = self.client.get("/api/v2/products").json()
        second = self.client.get(first["page"]["next"]).json()
        self.assertEqual([one["id"] for one in old["results"]], [one["id"] for one in second["data"]])
        self.assertEqual(old["count"], 12)

    def test_an_order_is_seen_by_its_buyer_alone(self) -> None:
        self.client.force_login(self.mia)
        asked = {"product": self.products[0].pk, "quantity": 2}
        made = self.client.post("/api/v2/orders", asked, content_type="application/json").json()
        self.assertEqual((made["buyer"], made["total_cents"], made["state"]), ("mia", 500, "open"))
        old = self.client.get(f"/api/v1/orders/{made['id']}").json()
        self.assertEqual((old["customer"], old["total"], old["status"]), ("mia", "5.00", "OPEN"))
        self.client.force_login(self.tom)
        for version in (1, 2):
            self.assertEqual(self.client.get(f"/api/v{version}/orders/{made['id']}").status_code, 404)
        self.assertEqual(Order.objects.count(), 1)

    def test_nobody_orders_without_a_login(self) -> None:
        for version in (1, 2):
            self.assertEqual(self.client.post(f"/api/v{version}/orders", {}).status_code, 403)

    def test_the_entrance_answers_by_a_version_and_names_it(self) -> None:
        answer = self.client.get("/api/products")
        self.assertEqual((answer.status_code, answer["API-Version"]), (200, "1"))

    def test_operators_alone_see_the_page_and_the_control_api(self) -> None:
        self.assertEqual(self.client.get("/admin/canary/").status_code, 302)
        self.assertEqual(self.client.get("/canary/api/status").status_code, 401)
        self.client.force_login(User.objects.create_superuser("boss"))
        self.assertContains(self.client.get("/admin/canary/"), "canary")
        self.assertEqual(self.client.get("/canary/api/status").json()["weight_bp"], 0)

    def test_the_mappings_have_no_fault(self) -> None:
        for mapping in (successors, successors_v3):
            self.assertEqual(validate(mapping), [])
