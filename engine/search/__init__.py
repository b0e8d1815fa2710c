"""The differentiable search: one loop, and the components that define a method."""
