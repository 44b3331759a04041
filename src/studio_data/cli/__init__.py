"""The command line. Each module registers its commands with ``app``."""

from studio_data.cli import activity, audit, backup, database, doctor, mcp, sessions, tools
from studio_data.cli.app import app

__all__ = ["activity", "app", "audit", "backup", "database", "doctor", "mcp", "sessions", "tools"]
