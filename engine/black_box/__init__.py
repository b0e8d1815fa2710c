"""Black-box searches: an optimiser asks for one evaluation after another and is told the accuracy."""
