"""The `django.tasks` backend: a task that is enqueued is a row of `cms_job`, and `manage.py run_worker` runs it.

At least once: a worker may die after the work and before it has reported so, and then the task runs again. A task must
bear that. The caller's own connection writes the row: a rollback enqueues nothing, and no worker sees a job before the
change that it belongs to.
"""

import datetime
import uuid
from typing import Any, Final

from django.tasks import Task, TaskResult, TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.base import TaskError
from django.tasks.exceptions import TaskResultDoesNotExist
from django.tasks.signals import task_enqueued
from django.utils.json import normalize_json
from django.utils.module_loading import import_string

from cms.choices import JobStatus
from cms.ids import parse_uuid
from cms.models import Job

type AnyTask = Task[Any, Any]
type AnyResult = TaskResult[Any, Any]

MAX_ATTEMPTS: Final = 8
STATUSES: Final = {
    JobStatus.READY: TaskResultStatus.READY,
    JobStatus.RUNNING: TaskResultStatus.RUNNING,
    JobStatus.SUCCESSFUL: TaskResultStatus.SUCCESSFUL,
    JobStatus.DEAD: TaskResultStatus.FAILED,
}


class DatabaseBackend(BaseTaskBackend):
    """`OPTIONS["max_attempts"]` says how often a task is tried before it is kept as dead."""

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def enqueue(self, task: AnyTask, args: Any, kwargs: Any) -> AnyResult:
        self.validate_task(task)
        job = Job.objects.create(
            task_path=task.module_path,
            args=normalize_json(list(args)),
            kwargs=normalize_json(dict(kwargs)),
            queue_name=task.queue_name,
            priority=task.priority,
            run_after=task.run_after,
            max_attempts=self.options.get("max_attempts", MAX_ATTEMPTS),
        )
        result = result_of(job, task)
        task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str | uuid.UUID) -> AnyResult:
        """Raises TaskResultDoesNotExist, also for a job that was pruned or whose task exists no more."""
        job = Job.objects.filter(pk__in=filter(None, [parse_uuid(str(result_id))])).first()
        if job is None:
            raise TaskResultDoesNotExist(result_id)
        try:
            return result_of(job, task_of(job))
        except (ImportError, TypeError) as error:
            raise TaskResultDoesNotExist(result_id) from error


def task_of(job: Job) -> AnyTask:
    """Return the task as it was enqueued. Raises ImportError or TypeError when the code has none of that name."""
    task = import_string(job.task_path)
    if not isinstance(task, Task):
        raise TypeError(f"{job.task_path} is not a task.")
    return task.using(priority=job.priority, queue_name=job.queue_name, run_after=job.run_after)


def result_of(job: Job, task: AnyTask) -> AnyResult:
    """Return the job in Django's words. Each attempt that failed has left an entry in `errors`."""
    failed = job.errors
    workers = [entry["worker"] for entry in failed]
    if job.status in (JobStatus.RUNNING, JobStatus.SUCCESSFUL):
        workers.append(job.worker)
    result: AnyResult = TaskResult(
        task=task,
        id=str(job.pk),
        status=STATUSES[JobStatus(job.status)],
        enqueued_at=job.created_at,
        started_at=datetime.datetime.fromisoformat(failed[0]["started_at"]) if failed else job.started_at,
        last_attempted_at=job.started_at,
        finished_at=job.finished_at,
        args=job.args,
        kwargs=job.kwargs,
        backend=task.backend,
        errors=[TaskError(exception_class_path=e["exception_class_path"], traceback=e["traceback"]) for e in failed],
        worker_ids=workers,
    )
    object.__setattr__(result, "_return_value", job.return_value)  # Django's own backends set it so: it is frozen
    return result
