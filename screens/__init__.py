"""The screens of the dashboard and their widgets. They read runs and never compute."""

import nastui_start  # noqa: F401 - finds the four packages as one set
