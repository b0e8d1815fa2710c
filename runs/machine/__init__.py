"""The machine: its devices and their load."""
