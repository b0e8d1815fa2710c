"""Starting and controlling engines."""
