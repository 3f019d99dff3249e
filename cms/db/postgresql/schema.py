"""Changes of the schema on PostgreSQL, which wait for a lock as long as the connection allows.

One that waits for a table keeps everybody who comes after it waiting too, readers included.
"""

from typing import TYPE_CHECKING, Self

from django.db.backends.postgresql.schema import DatabaseSchemaEditor

if TYPE_CHECKING:
    from cms.db.postgresql.base import DatabaseWrapper


class SchemaEditor(DatabaseSchemaEditor):
    """Within a transaction only: a migration outside one makes indexes CONCURRENTLY, and that keeps nobody waiting."""

    connection: "DatabaseWrapper"

    def __enter__(self) -> Self:
        super().__enter__()
        timeout_s = self.connection.lock_timeout_s
        if timeout_s is not None and not self.collect_sql:
            with self.connection.cursor() as cursor:
                # It ends with the transaction, also behind PgBouncer, and has no effect outside one.
                timeout = f"{round(timeout_s * 1000)}ms"
                cursor.execute("SELECT pg_backend_pid(), set_config('lock_timeout', %s, true)", [timeout])
                self.connection.schema_pid, _ = cursor.fetchone()
        return self
