"""What the screens show, as frozen records."""
