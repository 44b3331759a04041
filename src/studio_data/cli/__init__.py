"""The command line. Each module registers its commands with ``app``."""

from studio_data.cli import activity, audit, database, mcp, tools
from studio_data.cli.app import app

__all__ = ["activity", "app", "audit", "database", "mcp", "tools"]
