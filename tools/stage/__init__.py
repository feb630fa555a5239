"""A staged world for the deck: the real application and SDK over answers that are always the same.

Snapshots of the deck's screens are taken of it, and so are the pictures in its docs. `answers/` has what the core would
say, an area of the API each; a test holds them against the OpenAPI document.
"""
