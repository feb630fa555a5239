"""The deck in a browser: `swarm-deck --web`.

    browser ──https──▶ server ──pipe──▶ a deck of one's own ──▶ core

`server.py` answers the browser: a sign-in page before everything (`guests.py`), then the page whose terminal
textual-serve draws. Each such page has a deck process (`process.py`) with the sign-in of who looks, handed over a pipe
(`handed.py`), and `relay.py` between them. What decides is beside that and free of sockets: `address.py` (where to
listen, which origins are ours), `sessions.py` (who is signed in, for how long, with how many decks) and `envelope.py`
(what a browser may say).
"""
