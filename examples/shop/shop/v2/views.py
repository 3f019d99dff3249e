"""Version 2: `title`, cents, cursors."""

from django.conf import settings
from rest_framework import generics, pagination, permissions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from shop.models import Order, Product


class ProductSerializer(serializers.ModelSerializer):
    class Meta:
        model = Product
        fields = ("id", "title", "price_cents")


class OrderSerializer(serializers.ModelSerializer):
    buyer = serializers.CharField(source="buyer.username", read_only=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = ("id", "buyer", "product", "quantity", "total_cents", "state")

    def get_state(self, order: Order) -> str:
        return "paid" if order.is_paid else "open"


class Cursors(pagination.CursorPagination):
    page_size = 10
    ordering = "id"

    def get_paginated_response(self, data: list) -> Response:
        return Response({"data": data, "page": {"next": self.get_next_link()}})


class Breakable(generics.GenericAPIView):
    """A view that fails while the demonstration says so."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        if settings.DEMO_FAULT.exists():
            raise RuntimeError("planted by the demonstration")


class Products(Breakable, generics.ListAPIView):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    pagination_class = Cursors


class OneProduct(Breakable, generics.RetrieveAPIView):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer


class OwnOrders(Breakable):
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
