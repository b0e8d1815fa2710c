"""Commands of the engine besides a run; the app starts each as a process of its own."""
