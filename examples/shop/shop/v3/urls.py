"""The routes of version 3."""

from django.urls import path

from shop.v3 import views

urlpatterns = [
    path("products", views.Products.as_view()),
    path("products/<int:pk>", views.OneProduct.as_view()),
    path("orders", views.Orders.as_view()),
    path("orders/<int:pk>", views.OneOrder.as_view()),
]
