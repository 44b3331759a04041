"""What every import of a file shares: rows that are read, values as the tools take them, and an account of each row."""
