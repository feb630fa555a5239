"""Settings that change while cores run: what there is, what it may be, and keeping it."""
