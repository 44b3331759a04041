"""The connection to Postgres: connections, units of work, migrations, and the server itself."""
