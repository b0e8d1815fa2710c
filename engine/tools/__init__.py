"""Commands of the engine other than a run; the app starts each in a process of its own."""
