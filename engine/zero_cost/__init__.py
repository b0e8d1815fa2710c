"""Zero-cost searches: in each round, an untrained supernet loses the operations that it needs least."""
