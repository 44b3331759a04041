"""The MCP server, over stdio and streamable HTTP. See ``docs/mcp.md``."""
