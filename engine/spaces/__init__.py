"""Search spaces: what a supernet and a discrete network are made of."""
