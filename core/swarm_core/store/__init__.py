"""The database: one file for each aggregate, with its SQL by name in `sql/`.

Nothing here decides: a function is one statement (or one short transaction), guarded by the state and the
attempt it expects.
"""
