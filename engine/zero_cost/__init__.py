"""Searches that train nothing: an untrained supernet loses, step by step, what it can best do without."""
