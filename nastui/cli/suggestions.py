"""What to type instead: one sentence for every word, option and value that a command line cannot have.

Words of other programs (`logs`, `ps`, `kill`, `--lr`, `--gpu`) are answered with the command line of nastui that does
the same. The words that follow are taken over into it.
"""

from __future__ import annotations

import difflib
import itertools
import re
import shlex
from collections.abc import Sequence
from typing import Any

from nastui.cli.command_words import value_name, words_of
from runs.errors import UsageError

# Words of other programs after `nastui`: the command line that they mean. {} is where the rest of the line goes.
_COMMANDS = {
    "status": (
        "stat",
        "ps",
        "top",
        "htop",
        "jobs",
        "squeue",
        "nvidia-smi",
        "gpus",
        "gpu",
        "devices",
        "device",
        "running",
    ),
    "runs list": ("list", "ls", "history", "results", "experiments", "run-list", "trials"),
    "runs show {}": ("show", "info", "describe", "get", "result", "best"),
    "runs log {}": ("log", "logs", "cat", "output"),
    "runs follow {}": ("follow", "watch", "tail", "attach", "monitor", "wait"),
    "runs events {}": ("events", "metrics"),
    "runs stop {}": ("stop", "cancel", "abort", "scancel", "end", "terminate", "interrupt"),
    "runs kill {}": ("kill",),
    "runs pause {}": ("pause", "suspend"),
    "runs resume {}": ("resume", "continue", "restart", "unpause"),
    "runs rm {}": ("rm", "remove", "delete", "del", "purge"),
    "runs restore {}": ("restore", "undelete", "undo"),
    "runs compare {}": ("compare", "diff"),
    "runs tag {}": ("tag", "label"),
    "runs note {}": ("note", "comment"),
    "runs rename {}": ("rename", "mv", "name"),
    "runs export {}": ("export", "save"),
    "runs path {}": ("path", "cd", "where", "folder", "dir", "open"),
    "runs inspect {}": ("inspect", "debug", "py-spy"),
    "runs empty-trash": ("empty-trash", "clean", "prune", "gc", "trash"),
    "search {}": ("start", "new", "nas", "search-run", "launch", "submit", "fit", "find"),
    "retrain {}": ("train", "eval", "evaluate", "test", "finetune", "validate"),
    "sweep list": ("sweeps", "grid", "hpo", "seeds"),
    "methods {}": ("method", "algorithms", "algorithm", "algos", "models", "model", "optimizers"),
    "spaces {}": ("space", "search-spaces", "search-space"),
    "presets {}": ("preset", "recipes", "recipe"),
    "dataset list": ("data",),
    "dataset fetch {}": ("download", "fetch", "get-data"),
    "genotype list": ("cells", "cell", "architectures", "archs", "library", "zoo"),
    "genotype show {}": ("arch", "architecture", "params", "flops", "macs", "summary"),
    "genotype score {}": ("score", "proxies", "proxy", "zero-cost"),
    "genotype convert {}": ("convert", "plot", "draw"),
    "benchmark list": ("tables", "table", "benchmarks"),
    "benchmark query {}": ("query", "lookup", "nasbench"),
    "profile {}": ("speed", "throughput", "time", "measure", "timing"),
    "config": ("settings", "configure", "configuration", "env", "options"),
    "doctor": ("check", "diagnose", "verify", "self-test"),
    "keys": ("shortcuts", "bindings", "keybindings"),
    "serve": ("web", "server", "browser", "tensorboard"),
    "": ("ui", "tui", "gui", "dashboard", "home", "app"),
    "--help": ("help", "man", "usage", "commands", "?"),
    "--version": ("version", "about"),
    "--install-completion": ("completion", "completions", "install-completion"),
}
# Words of other programs after a noun such as `nastui runs`.
_VERBS = {
    "list": ("ls", "all", "ps", "index"),
    "show": ("info", "describe", "get", "print", "cat", "view", "status", "draw", "params", "macs", "flops"),
    "rm": ("delete", "del", "purge", "erase", "trash", "remove"),
    "log": ("logs", "tail", "output"),
    "follow": ("watch", "attach", "monitor", "wait"),
    "stop": ("cancel", "abort", "end", "terminate", "interrupt"),
    "resume": ("continue", "restart", "start", "unpause", "retry"),
    "pause": ("suspend", "hold", "freeze"),
    "compare": ("diff",),
    "tag": ("label", "untag"),
    "note": ("comment", "annotate"),
    "rename": ("mv", "name", "title"),
    "path": ("cd", "dir", "folder", "where", "open"),
    "restore": ("undelete", "undo", "recover"),
    "empty-trash": ("empty", "clean", "prune", "clear-trash", "gc"),
    "inspect": ("debug", "stack", "stacks", "processes"),
    "export": ("save", "copy", "cp", "archive"),
    "clear": ("empty", "flush", "reset", "rm", "remove"),
    "move": ("mv", "reorder", "top"),
    "fetch": ("download", "get", "install", "pull"),
    "check": ("verify", "validate", "test"),
    "convert": ("export", "save", "plot", "svg", "json"),
    "score": ("proxy", "ntk", "rank"),
    "query": ("lookup", "look", "show", "get", "find"),
    "import": ("add", "load", "install"),
}
# Options of other programs: what to type instead. {} is the value; without one, its name.
_OPTIONS = {
    "--set learning_rate={}": ("--lr", "--learning-rate", "--base-lr"),
    "--set epochs={}": ("--epochs", "--epoch", "--num-epochs", "--max-epochs", "-e"),
    "--set batch_size={}": ("--batch-size", "--batch", "--bs", "--batchsize", "-b"),
    "--set weight_decay={}": ("--wd", "--weight-decay", "--l2"),
    "--set channels={}": ("--init-channels", "--channels", "--width"),
    "--set layers={}": ("--layers", "--depth"),
    "--set drop_path={}": ("--drop-path-prob", "--drop-path"),
    "--set workers={}": ("--workers", "--num-workers", "-j"),
    "--set threads={}": ("--threads", "--num-threads", "--cpus"),
    "--device cuda:{}": ("--gpu", "--gpu-id", "--cuda-device"),
    "--device cuda": ("--cuda", "--use-gpu", "--use-cuda"),
    "--device cpu": ("--cpu", "--no-cuda", "--no-gpu"),
    "--gpus {}": ("--num-gpus", "--n-gpus", "--ngpu", "--nproc"),
    "--dataset {}": ("--data", "--data-dir", "--data-path", "--datasets"),
    "--space {}": ("--search-space", "--searchspace"),
    "--home {}": (
        "--output-dir",
        "--out-dir",
        "--save-dir",
        "--logdir",
        "--log-dir",
        "--work-dir",
        "--workdir",
        "--root",
    ),
    "--name {}": ("--run-name", "--exp-name", "--experiment", "--title"),
    "--tag {}": ("--tags", "--label", "--labels"),
    "--detach": ("--background", "--bg", "--daemon", "-d", "--no-follow", "--async"),
    "--follow": ("--watch", "--tail", "--wait", "--stream"),
    "--yes": ("--force", "--no-confirm", "--assume-yes"),
    "--verbose": ("--debug", "--log-level"),
    "--quiet": ("--silent", "--no-progress"),
    "--json": ("--output-json", "--as-json"),
    "--limit {}": ("--head", "--max", "-n"),
    "--seeds {}": ("--repeat", "--repeats", "--num-seeds", "--n-seeds", "--trials", "--n-trials"),
    "--preset {}": ("-p", "--recipe", "--template"),
    "--seed {}": ("--random-seed", "--manual-seed", "-s"),
    "--output {}": ("--out", "-o", "--dest"),
    "--to {}": ("--output", "--out", "-o", "--dest", "--format"),
}
_NOUNS = ("runs", "sweep", "queue", "dataset", "genotype", "benchmark", "notify")
_MOST = 120
_LONGEST = 300


def unknown_command(group: tuple[str, ...], words: Sequence[str], known: Sequence[str]) -> UsageError:
    """Return the error for a word that is not a command.

    Args:
        group: the words before it, without `nastui`: none, or a noun such as `runs`.
        words: it, and what follows.
        known: the commands that the group has.
    """
    word, *rest = words
    typed = " ".join(["nastui", *group, word])
    return UsageError(f"Unknown command '{typed[:_MOST]}'.", _instead(group, word, rest, known))


def is_help(error: Any) -> bool:
    """Return whether what typer raised is the help of a group, which answers its name alone."""
    return type(error).__name__ == "NoArgsIsHelpError"


def explained(error: Any, words: Sequence[str]) -> UsageError:
    """Return typer's error about a command line, as a message with what to type instead.

    Args:
        error: what typer raised.
        words: the command line.
    """
    context = getattr(error, "ctx", None)
    path = _path(context)
    option = getattr(error, "option_name", None)
    if option is not None and hasattr(error, "possibilities"):
        return UsageError(f"`{path}` has no option '{option[:80]}'.", _other_option(option, words, context))
    if hasattr(error, "param_type"):  # a missing argument or option
        return UsageError(f"`{path}` needs {_needed(error.param, context)}.", _example(context))
    message = str(error.format_message())
    if extra := re.fullmatch(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", message, re.DOTALL):
        word = extra[1].split()[0] if extra[1].split() else extra[1]
        return UsageError(f"`{path}` takes no '{word[:80]}'.", _meant_as_option(word, words, context))
    if (parameter := getattr(error, "param", None)) is not None and (form := _form(parameter, context)):
        name = parameter.opts[0] if parameter.param_type_name == "option" else value_name(parameter, context)
        return UsageError(f"{name} must be {form}{_given(parameter, words)}.", f"See: {path} --help")
    if option is not None and "requires an argument" in message:
        return UsageError(f"{option} needs a value.", f"See: {_path_of(words)} --help")
    return UsageError(message.rstrip(".") + ".", f"See: {path if context else _path_of(words)} --help")


def _instead(group: tuple[str, ...], word: str, rest: list[str], known: Sequence[str]) -> str:
    small = word.lower().replace("_", "-")
    if group:
        verb = next((verb for verb, words in _VERBS.items() if small in words and verb in known), "")
        verb = verb or _close(small, known)
        if verb:
            return f"Type: {_line(' '.join([*group, verb, '{}']), rest)}"
        if group in (("dataset",), ("genotype",)):
            return f"Type: {_line(' '.join([*group, 'show' if 'show' in known else 'list', '{}']), [word, *rest])}"
        return f"Commands: {', '.join(known)}."
    if noun := next((name for name in _NOUNS if name.rstrip("s") == small.rstrip("s")), ""):
        return _of_noun(noun, rest)
    for line, words in _COMMANDS.items():
        if small in words:
            return f"Type: {_line(line, rest)}"
    from nastui.cli import completion

    if small in completion.methods(""):
        return f"Type: {_line('search {}', [small, *rest])}"
    if close := _close(small, known):
        return f"Type: {_line(f'{close} {{}}', rest)}"
    every = {name: line for line, words in _COMMANDS.items() for name in words if len(name) > 3}
    if close := _close(small, list(every), 0.75):
        return f"Type: {_line(every[close], rest)}"
    return "See all commands: nastui --help"


def _of_noun(noun: str, rest: list[str]) -> str:
    """Return what to type instead of a noun in another number, such as `run`."""
    from nastui.cli import completion

    if noun == "runs" and (not rest or rest[0] in completion.methods("")):
        line = _line("search {}", rest or ["drnas", "--preset", "quick"])
        return f"Type: {line} (for runs that exist: nastui runs)"
    return f"Type: {_line(f'{noun} {{}}', rest or ['list'])}"


def _line(template: str, rest: Sequence[str]) -> str:
    """Return a command line; the rest goes where the braces are, and is left out where there are none."""
    return _shortened(f"nastui {template.replace('{}', shlex.join(rest))}".rstrip())


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."


def _close(word: str, known: Sequence[str], cutoff: float = 0.6) -> str:
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=cutoff)), "")


def _path(context: Any) -> str:
    return " ".join(["nastui", *(words_of(context) if context is not None else ())])


def _path_of(words: Sequence[str]) -> str:
    """Return the command that a line begins with."""
    named = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
    return " ".join(["nastui", *named[: 2 if named and named[0] in _NOUNS else 1]])


def _example(context: Any) -> str:
    from nastui.cli.examples import EXAMPLES

    lines = EXAMPLES.get(" ".join(words_of(context)), ()) if context is not None else ()
    return f"For example: {lines[0]}" if lines else f"See: {_path(context)} --help"


def _needed(parameter: Any, context: Any) -> str:
    value = value_name(parameter, context)
    return f"{parameter.opts[0]} {value}" if parameter.param_type_name == "option" else value


def _options(context: Any) -> list[str]:
    command = context.command
    return [name for parameter in command.get_params(context) for name in parameter.opts if name.startswith("-")]


def _other_option(option: str, words: Sequence[str], context: Any) -> str:
    """Return what to type instead of an option that a command does not have."""
    there = [*_options(context), "--home", "--verbose", "--quiet"]
    value = _value_of(option, words)
    if option == "--method" and "--space" in there:
        return f"Type: nastui search {value or 'drnas'}"
    if option in ("--resume", "--resume-from", "--checkpoint"):
        return f"Type: nastui runs resume {value or 'latest'}"
    if option in ("--gpu", "--gpu-id") and not value and "--device" in there:
        return f"Type: {_replaced(option, '--device cuda', words)}"
    for template, names in _OPTIONS.items():
        if option in names and template.split()[0] in there:
            return f"Type: {_replaced(option, template, words)}"
    if "--set" in there and (key := _hyperparameter(option, words)):
        return f"Type: {_replaced(option, f'--set {key}={{}}', words)}"
    if close := _close(option, _options(context), 0.7):
        return f"Type: {_replaced(option, close, words)}"
    return f"See: {_path(context)} --help"


def _replaced(option: str, template: str, words: Sequence[str]) -> str:
    """Return the command line with an option replaced by another; the value goes where the braces are."""
    line = ["nastui"]
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name != option:
            line.append(shlex.quote(word))
            continue
        if "{}" in template and not equals and rest and not rest[0].startswith("-"):
            value = rest.pop(0)
        filled = template.replace("{}", shlex.quote(value) if value else "...")
        line.append(f"{filled}={shlex.quote(value)}" if equals and "{}" not in template else filled)
    return _shortened(" ".join(line))


def _value_of(option: str, words: Sequence[str]) -> str:
    """Return the value that follows an option, if one does."""
    for word, following in zip(words, [*words[1:], "-"], strict=False):
        if word.startswith(f"{option}="):
            return shlex.quote(word.partition("=")[2])
        if word == option:
            return "" if following.startswith("-") else shlex.quote(following)
    return ""


def _hyperparameter(option: str, words: Sequence[str]) -> str:
    """Return the hyperparameter that an option is named like, of the methods that the line names; else nothing."""
    from nastui.cli import completion
    from runs import catalogue
    from runs.errors import NastuiError

    try:
        named = [method for name, method in catalogue.methods().items() if name in words] or [catalogue.trainer()]
        keys = completion.hyperparameters(named)
    except NastuiError:  # a plug-in cannot be imported
        return ""
    return _close(option.lstrip("-").replace("-", "_"), sorted(keys))


def _meant_as_option(word: str, words: Sequence[str], context: Any) -> str:
    """Return what to type instead of a word that should be the value of an option."""
    from nastui.cli import completion

    there = _options(context)
    if "--set" in there and "=" in word:
        option = "--set"
    elif "--dataset" in there and word in completion.datasets(""):
        option = "--dataset"
    elif "--space" in there and word in completion.spaces(""):
        option = "--space"
    elif "--device" in there and (word in ("cpu", "cuda", "auto") or word.startswith("cuda:")):
        option = "--device"
    elif "--preset" in there and word in completion.presets(""):
        option = "--preset"
    else:
        return f"See: {_path(context)} --help"
    parts = (f"{option} {shlex.quote(other)}" if other == word else shlex.quote(other) for other in words)
    return f"Type: {_shortened(' '.join(['nastui', *parts]))}"


def _form(parameter: Any, context: Any) -> str:
    """Return in words what the value of a parameter must be; empty if it has no particular form."""
    kind = parameter.display_type(context).removeprefix("<").removesuffix(">")
    if "|" in kind:
        return "one of " + ", ".join(kind.split("|"))
    what = {"int": "a whole number", "float": "a number"}.get(kind.removesuffix(" range"), "")
    least, most = getattr(parameter, "min", None), getattr(parameter, "max", None)
    if not what or least is most is None:
        return what
    return f"{what} of at least {least}" if most is None else f"{what} from {least or 0} to {most}"


def _given(parameter: Any, words: Sequence[str]) -> str:
    given = next(filter(None, (_value_of(name, words) for name in parameter.opts)), "")
    return f", got {given[:_MOST]}" if given else ""
