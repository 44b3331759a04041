"""A block's transaction ends with the block: SQL in it does not end it earlier."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from psycopg import sql

from studio_data import db, preview
from studio_data.contract.changeset import changeset
from studio_data.errors import StudioError
from studio_data.tools.clients import create_client, list_clients

BLOCKS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "transaction": db.transaction,
    "undone": lambda: db.transaction(rollback=True),
    "preview": preview,
    "change set": lambda: changeset("Two together."),
    "connection": db.get_connection,
}
ENDING = [
    "COMMIT", "commit;", "END", "  Rollback", "ABORT", "-- done\nCOMMIT AND CHAIN", "/* done */ END TRANSACTION",
    "ROLLBACK WORK", "PREPARE TRANSACTION 'a'",
]  # fmt: skip


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
@pytest.mark.parametrize("ending", ENDING)
def test_sql_does_not_end_the_transaction_of_a_block(
    committed_db: str, block: Callable[[], AbstractContextManager[Any]], ending: str
) -> None:
    with pytest.raises(StudioError, match="would end the transaction of this block"), block():
        create_client("Ann")
        with db.get_connection() as connection:
            connection.execute(ending.encode())

    assert list_clients()["items"] == []


@pytest.mark.parametrize("query", ["COMMIT", b"COMMIT", sql.SQL("COMMIT")], ids=["text", "bytes", "composed"])
def test_it_does_not_however_it_is_sent(committed_db: str, query: Any) -> None:
    with pytest.raises(StudioError, match="COMMIT would end"), db.transaction() as connection, connection.cursor() as cursor:
        create_client("Ann")
        cursor.execute(query)

    assert list_clients()["items"] == []


def test_an_end_behind_another_statement_is_told(committed_db: str) -> None:
    with pytest.raises(StudioError, match="The SQL ended the transaction of this block"), preview():
        create_client("Ann")
        with db.get_connection() as connection:
            connection.execute("SELECT 1; COMMIT")


def test_savepoints_and_words_that_only_look_alike_are_sent(committed_db: str) -> None:
    with db.transaction() as connection:
        create_client("Ann")
        connection.execute("SAVEPOINT here")
        create_client("Ben")
        connection.execute("ROLLBACK TO SAVEPOINT here")
        connection.execute("ROLLBACK WORK TO here")
        connection.execute("RELEASE here")
        assert connection.execute("SELECT 'x; COMMIT' AS committed").fetchone() == {"committed": "x; COMMIT"}
        connection.execute("DO $$ BEGIN PERFORM 1; END $$")

    assert [client["name"] for client in list_clients()["items"]] == ["Ann"]


def test_after_a_block_its_connection_is_free_again(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
    with db.get_connection() as connection:
        assert connection.is_in_block
    assert not connection.is_in_block
    assert len(list_clients()["items"]) == 1
