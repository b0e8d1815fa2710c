"""Genotypes without torch: the type, and one codec a space."""
