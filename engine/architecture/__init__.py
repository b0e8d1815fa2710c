"""What an architecture is while it is searched: parameters, relaxations, discretization, regularisation."""
