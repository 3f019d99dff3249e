"""Every read question of the domain, one noun a module, as in `cms/models/`.

The `visible_to` methods decide who may see what. Nothing else does.

Models import their querysets, so a queryset imports models for annotations only. It gets other nouns by
`apps.get_model`.
"""
