"""The command line: ``commands`` says which module holds which command."""

from studio_data.cli.app import app

__all__ = ["app"]
