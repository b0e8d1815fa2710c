"""The Sweep screen: the runs of a sweep by values and seed, their curves, cells and figures."""
