"""What a run costs in time and memory: measurements, and the estimates made from them."""
