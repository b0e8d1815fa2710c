# Tasks of development: `just NAME`, or type the line by hand in the environment of CONTRIBUTING.md.

# Run every check that a change must pass
check: lint types contracts test

# Check style and formatting
lint:
    ruff check . && ruff format --check .

# Check types
types:
    mypy

# Check which package may import which
contracts:
    lint-imports

# Run the tests, or some of them: just test tests/runs
test *ARGS:
    pytest -n auto {{ARGS}}

# Kill, fill up, damage and mistype at random for half an hour: just storm, just storm tests/storm/test_kills.py
storm *ARGS="tests/storm":
    pytest -m storm -n 0 -s {{ARGS}}

# Fill .gpu/wheels for a GPU machine without a network: just gpu-prepare --python 3.12 --has torch==2.11.0 torchvision
gpu-prepare *ARGS:
    python tests/gpu/acceptance/prepare.py {{ARGS}}

# Accept nastui on a GPU, from .gpu/wheels: just gpu tests, just gpu measure, just gpu search; DEVICE=cpu rehearses
gpu WHAT:
    bash tests/gpu/acceptance/run.sh {{WHAT}}

# Build the wheel into dist/
wheel:
    python -m build --wheel

# Redraw the pictures of the README from real runs
pictures:
    python docs/pictures.py

# Rewrite docs/keys.md from the table of actions
keys:
    nastui keys --markdown > docs/keys.md

# Rewrite docs/nastui.1, the manual page, from the help of the commands
man:
    python docs/reference.py --man > docs/nastui.1

# Build the documentation site into build/site
docs:
    python docs/reference.py && zensical build --strict

# Run what the hosted CI runs
ci:
    .ci/run
