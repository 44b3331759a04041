"""The interior-design practice."""
