"""The rules of agent runs."""
