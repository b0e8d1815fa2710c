"""The event log of a run: the events, the file, and the state folded from it."""
