"""What computes: search spaces, methods, training and data, inside the engine process."""
