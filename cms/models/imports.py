"""Import records: what came from where, so that a second import finds its objects again."""

from django.db import models

from cms.models.fields import Entity


class ImportRecord(Entity):
    """One object of one source. `digest` is of the parsed item: equal digests mean there is nothing to do."""

    source = models.CharField(max_length=300)
    object_type = models.CharField(max_length=20)
    external_id = models.CharField(max_length=500)
    object_id = models.UUIDField()
    digest = models.CharField(max_length=64)
    original = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "object_type", "external_id"], name="cms_importrecord_external_id_unique"
            )
        ]
        indexes = [models.Index(fields=["object_type", "object_id"], name="cms_importrecord_object")]

    def __str__(self) -> str:
        return f"{self.source} {self.object_type} {self.external_id}"
