"""Version 1: `name`, decimals, page numbers."""

from decimal import Decimal

from rest_framework import generics, pagination, permissions, serializers

from shop.models import Order, Product


class ProductSerializer(serializers.ModelSerializer):
    name = serializers.CharField(source="title")
    price = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ("id", "name", "price")

    def get_price(self, product: Product) -> str:
        return str(Decimal(product.price_cents).scaleb(-2))


class OrderSerializer(serializers.ModelSerializer):
    customer = serializers.CharField(source="buyer.username", read_only=True)
    total = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = ("id", "customer", "product", "quantity", "total", "status")

    def get_total(self, order: Order) -> str:
        return str(Decimal(order.total_cents).scaleb(-2))

    def get_status(self, order: Order) -> str:
        return "PAID" if order.is_paid else "OPEN"


class Pages(pagination.PageNumberPagination):
    page_size = 10


class Products(generics.ListAPIView):
    queryset = Product.objects.order_by("id")
    serializer_class = ProductSerializer
    pagination_class = Pages


class OneProduct(generics.RetrieveAPIView):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer


class OwnOrders(generics.GenericAPIView):
    permission_classes = (permissions.IsAuthenticated,)
    serializer_class = OrderSerializer

    def get_queryset(self):
        return Order.objects.filter(buyer=self.request.user).select_related("buyer", "product").order_by("id")


class Orders(OwnOrders, generics.ListCreateAPIView):
    pagination_class = Pages

    def perform_create(self, serializer: serializers.BaseSerializer) -> None:
        serializer.save(buyer=self.request.user)


class OneOrder(OwnOrders, generics.RetrieveAPIView):
    pass
