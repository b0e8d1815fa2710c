"""Black-box searches: an optimiser asks for one evaluation after the other and is told the accuracy."""
