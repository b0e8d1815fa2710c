"""Many runs: sweeps over seeds and values, and the queue that starts runs as devices become free."""
