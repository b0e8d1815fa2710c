"""One module for each method: the components that it is made of."""
