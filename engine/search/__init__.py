"""The differentiable search: one loop, and the components that make a method of it."""
