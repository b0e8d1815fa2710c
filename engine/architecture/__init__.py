"""The architecture while it is searched: parameters, relaxations, discretization, regularisation."""
