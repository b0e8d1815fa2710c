"""The Genotypes screen."""
