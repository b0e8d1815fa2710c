"""Standard streams that fail: a quiet exit or one sentence, never a traceback; and what scripts read from stdout."""

from __future__ import annotations

import json
import os
import shlex
import subprocess

import pytest

from nastui import settings
from tests.end_to_end.conftest import COMMAND, Cli
from tests.synthetic import make_run

SENTENCE = "nastui: The output cannot be written:"


def shell(cli: Cli, words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command line of a shell in which ``nastui`` is the console script."""
    script = f'nastui() {{ {shlex.join(COMMAND)} "$@"; }}; {words}'
    return subprocess.run(
        ["bash", "-c", script],
        env=cli.environment | environment,
        cwd=cli.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def run(cli: Cli) -> str:
    return make_run(cli.home.root, name="naïve 日本")[1].root.name


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("runs list > /dev/full", 1, SENTENCE),
        ("runs list --json > /dev/full", 1, "The output cannot be written"),
        ("runs events latest > /dev/full", 1, SENTENCE),
        ("--version > /dev/full", 1, SENTENCE),
        ("--help > /dev/full", 1, SENTENCE),
        ("methods > read-only < /dev/null 1< read-only", 1, SENTENCE),
        ("runs list >&-", 0, ""),
        ("runs list --json >&- 2>&-", 0, ""),
        ("runs show nothing >&- 2>&-", 3, ""),
        ("runs list <&- >&- 2>&-", 0, ""),
        ("runs show nothing 2> /dev/full", 3, ""),
        ("runs rm latest <&-", 2, "nastui: rm asks for confirmation"),
    ],
)
def test_a_stream_that_cannot_be_written(cli: Cli, run: str, words: str, code: int, says: str) -> None:
    (cli.folder / "read-only").touch()
    done = shell(cli, f"nastui {words}")
    assert done.returncode == code, done
    assert says in done.stderr and len(done.stderr.splitlines()) == bool(says), done.stderr


def test_the_reader_of_a_pipe_has_gone(cli: Cli, run: str) -> None:
    done = shell(cli, "nastui methods drnas --json | head -c 1; echo ${PIPESTATUS[0]}")
    assert not done.stderr
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "methods"], stdout=write, stderr=subprocess.PIPE, env=cli.environment, check=False, timeout=60
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_pipe_that_does_not_block_is_waited_for(cli: Cli) -> None:
    """Programs that share a pipe, as ssh and node do, may have made it non-blocking."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with subprocess.Popen([*COMMAND, "methods", "drnas", "--json"], stdout=write, env=cli.environment) as process:
        os.close(write)
        with open(read, "rb") as stream:  # noqa: PTH123 - a descriptor
            assert json.load(stream)
        assert process.wait(60) == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_encoding_that_lacks_characters(cli: Cli, run: str, encoding: str) -> None:
    commands = "runs list", "runs list --json", f"runs show {run}", "genotype show DARTS_V2"
    words = "; ".join(f"nastui {command} > {place} || echo failed" for place, command in enumerate(commands))
    done = shell(cli, words, PYTHONIOENCODING=encoding)
    assert not done.stdout and not done.stderr
    assert "na" in (cli.folder / "0").read_text(encoding)
    assert json.loads((cli.folder / "1").read_text(encoding))[0]["name"] == "naïve 日本"


def test_a_detached_search_prints_its_id_alone(cli: Cli) -> None:
    done = cli("search", "drnas", "--preset", "quick", "--set", "epochs=1", "--set", "threads=1", "--detach")
    (run,) = done.stdout.splitlines()
    assert cli.json("runs", "show", run)["id"] == run
    assert f"Run {run} is running." in done.stderr
    cli("runs", "follow", run)


def test_a_home_folder_that_is_unknown(cli: Cli) -> None:
    """A container may run as a user id without an entry in the password file."""
    del cli.environment["NASTUI_HOME"]
    words = "unset HOME XDG_DATA_HOME XDG_CONFIG_HOME; setpriv --reuid 54321 --clear-groups nastui_command runs list"
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    done = shell(cli, words.replace("nastui_command", shlex.join(COMMAND)))
    if "Permission denied" in done.stderr:
        pytest.skip("another user cannot read this installation")
    assert done.returncode == 5, done
    assert done.stderr.startswith("nastui: ") and "Set HOME" in done.stderr and len(done.stderr.splitlines()) == 1


PATHS = (
    ("runs list", "--home"),
    ("runs export latest", "--to"),
    ("retrain DARTS_V2 --preset quick", "--weights"),
    ("genotype convert DARTS_V2 --to json", "--output"),
    ("search drnas --preset quick", "--dataset"),
    ("search drnas --preset quick", "--config"),
    ("benchmark import", ""),
    ("genotype show", ""),
)


@pytest.mark.parametrize("path", ["~nosuchuser/x", "n/" * 3000, "./" + "n" * 300], ids=["user", "long", "long name"])
def test_a_path_that_names_nothing(cli: Cli, run: str, path: str) -> None:
    for words, option in PATHS:
        done = cli(*words.split(), *option.split(), path, code=None)
        assert done.returncode in (2, 3, 5), done
        assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("nastui: "), done.stderr


def test_a_path_with_a_null_character(cli: Cli) -> None:
    (cli.folder / "a.toml").write_text('dataset = "./null\\u0000character"')  # no command line can hold one
    done = cli("search", "drnas", "--preset", "quick", "--config", "a.toml", code=5)
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_relative_path_from_a_deleted_folder(cli: Cli, run: str) -> None:
    (cli.folder / "here").mkdir()
    commands = "; ".join(f"nastui {words} {option} ./gone; echo $?" for words, option in PATHS)
    done = shell(cli, f"cd here; rmdir ../here; {commands}")
    assert set(done.stdout.split()) <= {"2", "3", "5"}, done
    lines = done.stderr.splitlines()
    assert len(lines) == len(PATHS) and all(line.startswith("nastui: ") for line in lines), done.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("options = " + "[" * 3000 + "]" * 3000, "nested too deeply"),
        ("seed = " + "9" * 5000, "a number has too many digits"),
        ("seed = " + "9" * 4000, "seed must be between 0 and 2^63-1"),
        ("seed = 2020-01-01", "seed must be a whole number"),
        ("tags = 5", "'tags' in '"),
        ("[options]\nepochs = " + "9" * 4000, "must be a whole number 1"),
        ("[options]\nepochs = " + "[" * 50 + "]" * 50, "must be a whole number 1"),
        ("[options]\nmomentum = " + "9" * 4000, "momentum in "),
        (".".join(["a"] * 3000) + " = 1", ""),
        ('name = "é"'.encode("latin-1"), "it is not UTF-8"),
        ("x = 1\n" * 400_000, "1,048,576 are the most"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_configuration_that_nobody_expects(cli: Cli, content: str | bytes, says: str) -> None:
    file = cli.folder / "a.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = cli("search", "drnas", "--preset", "quick", "--config", file, code=2)
    assert says in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert not cli.home.runs.exists()
    assert settings.read(file)[1]  # as the dashboard's file: a complaint, and it opens


def test_a_run_that_is_named_twice(cli: Cli, run: str) -> None:
    other = make_run(cli.home.root, seed=9)[1].root.name
    assert "at least two runs" in cli("runs", "compare", run, run, code=2).stderr
    assert "at least two runs" in cli("runs", "compare", run, run[:8], "--json", code=2).stderr
    assert [one["id"] for one in cli.json("runs", "compare", run, other, run)["runs"]] == [run, other]
    cli("runs", "compare", run, other, run)
    cli("runs", "rm", run, run, "--yes")
    assert [one["id"] for one in cli.json("runs", "list")] == [other]
