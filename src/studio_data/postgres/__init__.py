"""How the door to Postgres hangs: connections, units of work, migrations, and the server itself."""
