"""The DARTS cell space, and every other space of the same macro."""
