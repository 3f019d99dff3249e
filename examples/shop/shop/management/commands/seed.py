"""`manage.py seed`: thirty kinds of tea."""

from django.core.management.base import BaseCommand

from shop.models import Product


class Command(BaseCommand):
    help = "Fill an empty shop."

    def handle(self, *args: object, **options: object) -> None:
        if not Product.objects.exists():
            Product.objects.bulk_create(Product(title=f"Tea {n}", price_cents=250 + 5 * n) for n in range(30))
