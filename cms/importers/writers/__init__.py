"""From neutral items to rows, one module a noun: values are made to fit, services called, and every change noted."""
