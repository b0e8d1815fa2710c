"""The screens of the dashboard and their widgets. They read runs and never compute."""
