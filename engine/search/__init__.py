"""The differentiable search: one loop, and the strategies that make a method of it."""
