"""Commanddeck: the operator's terminal, a Textual application over the SDK.

How the house is laid out:

- `app.py` is small: it has the client, the rights, the live link, and switches between the top screens.
- `screens/`: one file for a screen. A top screen and a detail are both a `DeckScreen` (`screens/base.py`), which shows
  the bar, refreshes on events, and sends every action through one gate: `act` checks the right, asks, does, and tells.
  `screens/ask.py` and `screens/confirm.py` are the two questions a screen may ask.
- `widgets/`: what several screens show; `LiveTable` is the table that all lists are.
- beside them the logic, free of Textual and tested without it: `rights` (what a role may), `feed` (events gathered into
  batches), `window` (the part of a long list that is in memory), `signs` (states as a sign, a word and a colour).

Nothing here polls for what the event stream tells. What a core says goes through `clean` before a terminal sees it.
"""
