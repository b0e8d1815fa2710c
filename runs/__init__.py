"""What is remembered and supervised: the catalogue, run configurations, events, the store, launching."""
