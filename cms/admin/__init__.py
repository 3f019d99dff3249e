"""The admin site: forms and pages over the services. It decides nothing: who may do what stands in `cms/policy.py`."""
