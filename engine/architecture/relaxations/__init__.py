"""Relaxations: from architecture parameters to the mixing weights of a forward pass. One file for each relaxation."""
