"""Starting engines, and controlling them."""
