"""The search spaces, one file each; each defines ``SPACE``."""
