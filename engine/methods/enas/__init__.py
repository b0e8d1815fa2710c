"""ENAS: shared weights, and a controller that learns by REINFORCE which cells are good."""
