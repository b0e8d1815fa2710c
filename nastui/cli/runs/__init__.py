"""``nastui runs``: list, follow, stop, resume, compare, label and remove runs."""
