"""Between JSON and the domain, one module per noun: REST framework's serializers read, plain functions write."""
