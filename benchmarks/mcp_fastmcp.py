"""The peer on FastMCP: the same two tools over psycopg's pool, as one writes them by hand.

``python mcp_fastmcp.py STATEMENTS [PORT]`` runs in an environment of its own, where nothing of the project is installed. It
serves stdio, or HTTP if a port is given. STATEMENTS is a file of JSON with the text of each tool's statement.
"""
# pyright: basic, reportMissingImports=false, reportArgumentType=false, reportReturnType=false

import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastmcp import FastMCP
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

statements: dict[str, str] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
pool = AsyncConnectionPool(
    os.environ["DATABASE_URL"],
    min_size=4,
    max_size=10,
    open=False,
    kwargs={"autocommit": True, "row_factory": dict_row},
)


@asynccontextmanager
async def with_pool(_: FastMCP) -> AsyncGenerator[None]:
    """Keep the pool open while the server runs."""
    async with pool:
        yield


server = FastMCP("studio", lifespan=with_pool)


@server.tool
async def create_client(
    name: str, email: str | None = None, phone: str | None = None, address: str | None = None, source: str | None = None
) -> dict[str, Any]:
    """Create a client at the start of the sales pipeline, as a lead."""
    digits = None if phone is None else "".join(filter(str.isdigit, phone))
    given = {"name": name, "email": email, "phone": phone, "digits": digits, "address": address, "source": source}
    async with pool.connection() as connection:
        found = await connection.execute(statements["create_client"], given)
        return await found.fetchone()


@server.tool
async def list_tasks(project_id: str, limit: int = 50) -> dict[str, Any]:
    """List a project's tasks in workflow order."""
    async with pool.connection() as connection:
        found = await connection.execute(statements["list_tasks"], {"project_id": project_id, "limit": limit})
        return {"items": await found.fetchall()}


if __name__ == "__main__":
    if len(sys.argv) > 2:  # noqa: PLR2004
        server.run(
            transport="http",
            port=int(sys.argv[2]),
            show_banner=False,
            log_level="warning",
            uvicorn_config={"access_log": False},
            json_response=True,
        )
    else:
        server.run(show_banner=False, log_level="warning")
