"""The Queue screen: devices, what runs on them, and what waits."""
