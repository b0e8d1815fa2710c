"""Relaxations: from architecture variables to the mixing weights of a forward pass. One file a relaxation."""
