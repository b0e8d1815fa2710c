"""Zero-cost proxies of an untrained network: the condition number of its NTK, and its number of linear regions."""
