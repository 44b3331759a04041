"""What an operator does to a database."""
