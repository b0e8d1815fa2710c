"""How often a run reports its progress and looks for requests, in seconds."""

PROGRESS_SECONDS = 0.25
REQUEST_SECONDS = 0.1
