"""Genotypes without torch: the type, and the notations of each space."""
