"""The command line. Each module registers its commands with ``app``."""

from studio_data.cli import activity, database, mcp, tools
from studio_data.cli.app import app

__all__ = ["activity", "app", "database", "mcp", "tools"]
