"""One file a method; each defines ``METHOD``."""
