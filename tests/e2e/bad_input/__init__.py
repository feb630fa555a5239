"""What goes wrong is said in one line with a next step, and loses nothing."""
