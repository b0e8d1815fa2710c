"""Everything that computes, inside the engine process: search spaces, methods, training and data."""
