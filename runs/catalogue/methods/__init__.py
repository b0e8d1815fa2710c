"""The search methods, one file each; every file defines ``METHOD``."""
