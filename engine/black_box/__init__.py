"""Searches that ask what an architecture reaches, one query after the other, and train no supernet."""
