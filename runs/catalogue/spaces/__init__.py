"""One file a search space; each defines ``SPACE``."""
