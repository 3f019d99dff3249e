"""Between JSON and the domain, one module a noun: REST framework's serializers read requests, plain functions build answers."""
