"""Zero-cost searches: an untrained supernet loses, round by round, the operations that it needs least."""
