"""The screens of the deck, a file each."""
