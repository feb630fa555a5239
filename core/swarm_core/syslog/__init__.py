"""The system's log: from what a module says, by way of the Logger, to rows that people search and follow."""
