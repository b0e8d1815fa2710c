"""Commands of the engine other than runs; the app starts each in a separate process."""
