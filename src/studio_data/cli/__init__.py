"""The command line. Each module registers its commands with ``app``."""

from studio_data.cli import database, mcp
from studio_data.cli.app import app

__all__ = ["app", "database", "mcp"]
