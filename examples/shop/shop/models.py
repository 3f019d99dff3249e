"""Products and orders; money in cents, which each version of the API shows its own way."""

from django.conf import settings
from django.db import models


class Product(models.Model):
    title = models.CharField(max_length=100)
    price_cents = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.title


class Order(models.Model):
    buyer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    product = models.ForeignKey(Product, models.PROTECT)
    quantity = models.PositiveSmallIntegerField(default=1)
    is_paid = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product}"

    @property
    def total_cents(self) -> int:
        return self.quantity * self.product.price_cents
