"""The machine: its devices, and how busy they are."""
