"""The recorders' tables: totals in buckets for people, observations for the statistics, findings about SQL."""

from django.db import models


class MetricBucket(models.Model):
    """Totals of one worker for five seconds, one version, one route; later of all workers for a minute, then an hour.

    Rows are added, never changed. Several may have the same keys: their sum counts. Histograms of minutes and hours
    stand in rows of their own, without requests and with an empty `route`: they are those of all routes.
    """

    start_at = models.DateTimeField(db_index=True)
    worker = models.CharField(max_length=120)
    """`1m` and `1h` after all workers' rows of that time were merged into one."""
    release = models.PositiveIntegerField()
    stage = models.PositiveIntegerField()
    weight_bp = models.PositiveIntegerField()
    api_version = models.PositiveSmallIntegerField()
    route = models.CharField(max_length=120)
    """Method and template, the same for both versions where v2 has a successor: never a path."""
    judged = models.BooleanField()
    """Whether the requests count as evidence: split by bucket, of nobody that is excluded."""
    requests = models.PositiveBigIntegerField()
    status_2xx = models.PositiveBigIntegerField(default=0)
    status_3xx = models.PositiveBigIntegerField(default=0)
    status_4xx = models.PositiveBigIntegerField(default=0)
    status_5xx = models.PositiveBigIntegerField(default=0)
    client_errors = models.PositiveBigIntegerField(default=0)
    """The 4xx that a stricter version could cause: 400, 406, 409, 412, 413, 415, 422, 428."""
    sql = models.PositiveBigIntegerField(default=0)
    sql_max = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    """The sum of how long the answers took."""
    histogram = models.JSONField(default=dict)
    """`{slice: {bucket: count}}`: slice 0..63 of the identity's second hash, bucket `canary/core/histograms.py`."""

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.start_at} v{self.api_version} {self.route}"


class Observation(models.Model):
    """One thing that was seen of one unit by one identity, once per worker, release, stage and metric.

    The statistics bet on these, and take the first identity of a unit alone.

    Pairs write a row each. `api_version` is the version that the row speaks against. `pair_error`: it failed alone;
    `value` is the place in which it was asked, and none where no coin drew it. `pair_time`: v2 took longer than is
    tolerated, or, against v1, it did not; `value` is the natural logarithm of v2's time to v1's. `pair_refusal`: v2
    refused a read that v1 answers, and its translation too, or, against v1, it was right to; `value` is the status.
    """

    sequence = models.PositiveBigIntegerField(null=True, unique=True)
    """The order in which the statistics took it, given by the one leader; None until then."""
    release = models.PositiveIntegerField()
    stage = models.PositiveIntegerField()
    weight_bp = models.PositiveIntegerField()
    """The weight at which this very request was decided: the chance of having been sent to v2, never a later one."""
    unit = models.CharField(max_length=32)
    """A keyed digest, in hex: of the person behind the credential, of the identity where nobody is known."""
    identity = models.CharField(max_length=32, default="", db_default="")
    """The same of the identity whose bucket was drawn. Empty in rows of an older release: there it is the unit."""
    api_version = models.PositiveSmallIntegerField()
    metric = models.CharField(max_length=12)
    """`seen` first request, `settled` third one when none of the three failed, `error` the first of it,
    `refusal` the first 4xx, or 503 for want of room, of a route that both versions declare (`client_error` in rows of
    an older release),
    `latency` the third request of one route, of the first route that comes so far (value: mean natural logarithm of
    milliseconds), `latency_cold` the same within the warm-up of a step, `pair_error` the first read that this version
    failed and the other one answered in its place (without a value: no coin drew which was asked first). Rows of one
    worker stand in the order in which the requests came. Nothing at 0 or 10000 basis points is a matter of chance:
    there only `seen`, `settled`, `error` and `pair_error` are written, and nothing without a stored rollout."""
    route = models.CharField(max_length=120)
    value = models.FloatField(null=True)
    is_authenticated = models.BooleanField()
    """Whether the unit counts alone: a person that can't be made up at will. Others count once a network and stage."""
    is_chosen = models.BooleanField(default=False, db_default=False)
    """Whether the person could choose this identity among others of both versions."""
    network = models.CharField(max_length=32)
    """A keyed digest of the /24 or /48 that the request came from, in hex."""
    build = models.CharField(max_length=64, default="", db_default="")
    """The build that wrote it; empty for a process of an older release."""
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = (
            models.Index(fields=("id",), name="canary_observation_new", condition=models.Q(sequence=None)),
            models.Index(fields=("release", "sequence"), name="canary_observation_order"),
            # Breakers look for the latest of these every few seconds, and there may be none.
            models.Index(fields=("at",), name="canary_observation_refusal", condition=models.Q(metric="pair_refusal")),
        )

    def __str__(self) -> str:
        return f"{self.metric} {self.unit} v{self.api_version}"


class QueryFinding(models.Model):
    """A statement that one request sent many times: an N+1, and how many requests showed it."""

    release = models.PositiveIntegerField()
    api_version = models.PositiveSmallIntegerField()
    route = models.CharField(max_length=120)
    fingerprint = models.CharField(max_length=16)
    statement = models.TextField()
    """The statement with its places for parameters, never the parameters."""
    repeats_max = models.PositiveIntegerField()
    requests = models.PositiveBigIntegerField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint("release", "api_version", "route", "fingerprint", name="canary_queryfinding_once"),
        )

    def __str__(self) -> str:
        return f"{self.repeats_max} x {self.fingerprint} in {self.route}"


class Recorder(models.Model):
    """A worker's report about its own recorder, written with each of its batches."""

    worker = models.CharField(max_length=120, primary_key=True)
    batch = models.PositiveBigIntegerField()
    """The last batch that is in the database: one whose commit got no answer is not written twice."""
    at = models.DateTimeField(db_index=True)
    dropped = models.PositiveBigIntegerField(default=0)
    """Requests that weren't recorded because the queue was full, since the worker began."""
    lost = models.PositiveBigIntegerField(default=0)
    """Recorded things that were given up because the database was away for too long."""
    top_identity = models.CharField(max_length=420, default="")
    """The identity with the most requests to the entrance in the last minutes."""
    top_requests = models.PositiveBigIntegerField(default=0)
    window_requests = models.PositiveBigIntegerField(default=0)
    """All requests of those minutes."""

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.worker} after batch {self.batch}"
