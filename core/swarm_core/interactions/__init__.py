"""Interactions: what the core and a worker said to one another, kept for a while and told as a conversation."""
