"""The files of the public repositories, one parser for the logs of each. Only this folder knows their search spaces."""

# What users type after ``--as``.
NAMES = ("darts", "pcdarts", "pdarts", "drnas", "tenas", "ista", "prdarts", "nasbench201")
