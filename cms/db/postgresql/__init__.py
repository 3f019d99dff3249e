"""`ENGINE` of the DATABASES setting: Django loads `base` from here."""
