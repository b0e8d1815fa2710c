"""Parts of training a discrete network."""
