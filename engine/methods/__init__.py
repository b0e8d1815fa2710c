"""The search methods, one module each: the components that each method is made of."""
