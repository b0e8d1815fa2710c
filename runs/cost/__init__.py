"""The cost of a run in time and memory: measurements, and estimates made from them."""
