"""Background jobs, the rows behind the `django.tasks` backend, and what falls due now and then."""

from django.db import models

from cms.choices import JobStatus
from cms.models.fields import Entity


class Job(Entity):
    """A call of a task function. A worker holds a lease on it; one whose lease has run out may be taken by another."""

    task_path = models.CharField(max_length=200)
    args = models.JSONField(default=list)
    kwargs = models.JSONField(default=dict)
    queue_name = models.CharField(max_length=50, default="default")
    priority = models.SmallIntegerField(default=0)
    status = models.CharField(max_length=10, choices=JobStatus, default=JobStatus.READY)
    run_after = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=8)
    leased_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=100, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    return_value = models.JSONField(null=True, blank=True)
    errors = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=JobStatus.values), name="cms_job_status_valid")
        ]
        indexes = [models.Index(fields=["status", "-priority", "id"], name="cms_job_next")]

    def __str__(self) -> str:
        return f"{self.task_path} {self.status}"


class Chore(models.Model):
    """When it is due next: a worker that moves `due_at` has taken it, so that no other does it meanwhile."""

    name = models.CharField(max_length=40, primary_key=True)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name}, due at {self.due_at}"
