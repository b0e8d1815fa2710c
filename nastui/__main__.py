"""``python -P -m nastui``: the same as the console script."""

from nastui.cli import main

if __name__ == "__main__":
    main()
