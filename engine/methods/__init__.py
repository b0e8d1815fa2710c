"""One file a method: which strategies it is made of."""
