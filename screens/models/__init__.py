"""The view models of the screens, as frozen records."""
