"""What the agents that run the studio do."""
