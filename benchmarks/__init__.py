"""Measurements behind decisions; each is a module that runs by itself. Nothing here is a test."""
