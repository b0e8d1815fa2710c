"""The store of runs: the index, the status, requests, groups over seeds, comparison and export."""
