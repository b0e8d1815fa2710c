"""The event log of a run: the events, the file, and what is folded from it."""
