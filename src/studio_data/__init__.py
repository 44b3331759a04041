"""StudioData: the data layer that AI agents run an interior-design practice on."""
