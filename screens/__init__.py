"""What a person sees: one module a screen, the widgets beside them. Reads runs, never computes."""
