"""Version 3: prices with their currency, and lists without a frame around the next page."""

from rest_framework import generics, pagination, permissions, serializers
from rest_framework.response import Response

from shop.models import Order, Product

CURRENCY = "EUR"


def money(cents: int) -> dict:
    return {"cents": cents, "currency": CURRENCY}


class ProductSerializer(serializers.ModelSerializer):
    price = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ("id", "title", "price")

    def get_price(self, product: Product) -> dict:
        return money(product.price_cents)


class OrderSerializer(serializers.ModelSerializer):
    buyer = serializers.CharField(source="buyer.username", read_only=True)
    total = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = ("id", "buyer", "product", "quantity", "total", "state")

    def get_total(self, order: Order) -> dict:
        return money(order.total_cents)

    def get_state(self, order: Order) -> str:
        return "paid" if order.is_paid else "open"


class Cursors(pagination.CursorPagination):
    page_size = 10
    ordering = "id"

    def get_paginated_response(self, data: list) -> Response:
        return Response({"items": data, "next": self.get_next_link()})


class Products(generics.ListAPIView):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    pagination_class = Cursors


class OneProduct(generics.RetrieveAPIView):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer


class OwnOrders(generics.GenericAPIView):
    permission_classes = (permissions.IsAuthenticated,)
    serializer_class = OrderSerializer

    def get_queryset(self):
        return Order.objects.filter(buyer=self.request.user).select_related("buyer", "product")


class Orders(OwnOrders, generics.ListCreateAPIView):
    pagination_class = Cursors

    def perform_create(self, serializer: serializers.BaseSerializer) -> None:
        serializer.save(buyer=self.request.user)


class OneOrder(OwnOrders, generics.RetrieveAPIView):
    pass
