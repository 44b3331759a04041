"""The command ``mcp``: the MCP server over stdio or streamable HTTP."""

import logging
import sys
from typing import Annotated

import typer

from studio_data.cli.app import command
from studio_data.contract.actor import acting_as
from studio_data.contract.roles import Role
from studio_data.errors import ConfigurationError
from studio_data.mcp.toolset import MOST_SHOWN, Toolset


@command
def mcp(
    *,
    role: Annotated[Role | None, typer.Option(help="The role whose toolset is served; without it, every tool.")] = None,
    actor: Annotated[
        str | None, typer.Option(help="The actor's name in the audit trail; by default the role's name.", show_default=False)
    ] = None,
    on_behalf_of: Annotated[str | None, typer.Option(help="The person for whom the agent acts.")] = None,
    run_id: Annotated[str | None, typer.Option(help="The agent run to which the calls belong.")] = None,
    discover: Annotated[
        bool | None,
        typer.Option(
            help=f"Show a core of the tools, and a way to find and call the others; by default above {MOST_SHOWN} tools.",
            show_default=False,
        ),
    ] = None,
    http: Annotated[bool, typer.Option("--http", help="Serve streamable HTTP instead of stdio.")] = False,
    host: Annotated[str, typer.Option(help="With --http: the address; other than loopback needs STUDIO_DATA_MCP_TOKEN.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="With --http: the port; 0 chooses a free one.", min=0, max=65535)] = 8321,
) -> None:
    """Serve the tools to a client of the Model Context Protocol."""
    # stdout belongs to the protocol.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="studio-data: %(levelname)s %(name)s: %(message)s")
    logging.getLogger("studio_data").setLevel(logging.INFO)
    name = actor or (role.value if role else "mcp")
    with acting_as("agent", name, role=role, run_id=run_id, on_behalf_of=on_behalf_of) as acting:
        try:
            toolset = Toolset.of(acting, discover=discover)
            if http:
                from studio_data.mcp.http import serve_http  # noqa: PLC0415 (needs the extra)

                serve_http(toolset, host, port)
            else:
                from studio_data.mcp.stdio import serve_stdio  # noqa: PLC0415 (as above)

                serve_stdio(toolset)
        except ModuleNotFoundError as error:
            raise ConfigurationError(f"The MCP server needs {error.name}.", hint="Install studio-data[mcp].") from error
