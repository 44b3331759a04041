"""The numbers of the trail's lines: those of transactions, which begin again where a dump was restored."""

from psycopg import sql

from studio_data.db import one, transaction
from studio_data.errors import ConflictError
from studio_data.hints import as_typed

RENUMBER = f"After a restore by other means than {as_typed('restore')}, run {as_typed('audit renumber')}."


def lines_ahead() -> int:
    """Count lines and the newest seal if numbered ahead of the server's transactions: restored by other means, or forged.

    The running transaction may be the newest of all.
    """
    return one(
        """
        WITH server AS (
            SELECT
                trail_number(pg_snapshot_xmax(pg_current_snapshot())) AS next,
                trail_number(pg_current_xact_id_if_assigned()) AS own
        )
        SELECT (
            SELECT count(*)
            FROM activity_log
            WHERE transaction_id >= (SELECT next FROM server)
                AND transaction_id IS DISTINCT FROM (SELECT own FROM server)
        ) + (
            SELECT count(*)
            FROM (SELECT last_transaction FROM audit_seals ORDER BY number DESC LIMIT 1) AS newest
            WHERE last_transaction >= (SELECT next FROM server)
        ) AS ahead
        """,
        reads=True,
    )["ahead"]


def renumber() -> int:
    """Continue the trail's numbers above all existing ones, and return the first. For a database that was just restored.

    Then the restored lines lie in the past again: they are followed and sealed, and old cursors continue. Waits for
    writers of lines. Raises ``ConflictError`` if nothing lies ahead, and the database's error for a login that does not
    own ``trail_number``.
    """
    with transaction():
        one("LOCK TABLE activity_log IN SHARE ROW EXCLUSIVE MODE")
        if not lines_ahead():
            raise ConflictError("No line lies ahead of the server's transactions.", hint="There is nothing to renumber.")
        return go_on_numbering()


def go_on_numbering() -> int:
    """Let new lines have numbers from the present microsecond, or above all existing ones. Return the first number.

    No server begins a million transactions per second. So this is above every number that a server gave to a line or
    cursor of this trail, also after the backup. No cursor is ahead of new lines.
    """
    highest = one(
        """
        SELECT greatest(
            (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::numeric,
            (SELECT max(transaction_id)::text::numeric FROM activity_log),
            (SELECT max(last_transaction)::text::numeric FROM audit_seals)
        )::text AS highest
        """
    )["highest"]
    with transaction() as connection:
        connection.execute(
            sql.SQL(
                """
                CREATE OR REPLACE FUNCTION trail_number(transaction xid8) RETURNS xid8
                LANGUAGE sql IMMUTABLE PARALLEL SAFE
                RETURN (transaction::text::numeric + {highest})::text::xid8
                """
            ).format(highest=sql.Literal(int(highest)))
        )
    return int(highest)
