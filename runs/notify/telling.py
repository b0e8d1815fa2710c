"""Sends the messages of a home, each once.

One process at a time sends the messages of a run. Before a message leaves, the run's `notify.json` says so; what is
noted there is not sent again. If a process dies in the moment between, the message counts as sent: nobody knows whether
it was accepted, and two are worse than none.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from filelock import Timeout

from runs.errors import NastuiError
from runs.files import MEBIBYTE, read_regular, replace_text
from runs.home import Home, RunPaths, short_id
from runs.notify import outbox, settings
from runs.notify.channels import Channel, Message, Refused, Undelivered, channels
from runs.notify.outbox import OutboxEntry
from runs.store.activity import stall_of
from runs.store.lock import is_held, is_held_for_certain
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.slurm_jobs import SlurmJobs
from runs.store.status import Status, current_status
from runs.store.store_lock import store_lock

SWEEP_SECONDS = 5.0
# A message that was not accepted is sent again after these times.
RETRY_SECONDS = (1.0, 4.0)
_LEAVING_SECONDS = 2.0
# Later, other processes try again: so often, and not sooner.
MOST_ROUNDS = 5
ROUND_SECONDS = 60.0

ENDS = {Status.FINISHED: "finished", Status.FAILED: "failed", Status.LOST: "lost"}
_SENT, _LEAVING, _UNDELIVERED = "sent", "leaving", "undelivered"


def deliver(entry: OutboxEntry, *, patience: float = 0.0, pauses: tuple[float, ...] = RETRY_SECONDS) -> list[str]:
    """Send what an entry stands for, if it is due; remove the entry once nothing is left to send.

    Args:
        entry: of the outbox.
        patience: seconds to wait while another process sends messages of the run.
        pauses: seconds to wait before each further try, if a channel could not be reached.

    Returns:
        A sentence for each channel that has not accepted the message.

    Raises:
        NastuiError: the settings are invalid.
    """
    home = Home(entry.file.parent.parent)
    paths = home.run(entry.run)
    if not paths.root.exists():
        entry.remove()
        return []
    if entry.is_alarm:
        return _tell(home, entry, "alarm", entry.key, patience, pauses, last=True)
    if is_held(paths.lock):
        if is_stalled(paths):
            return _tell(home, entry, "stalled", entry.key.replace("end", "stalled", 1), patience, pauses, last=False)
        return []
    status = current_status(paths)
    if status is Status.LOST and is_held_for_certain(paths.lock):
        return []  # on another host, whose clock differs
    if status is Status.LOST and entry.run in SlurmJobs(home).active():
        return []  # Slurm may start it again, after a node has failed
    if status in ENDS:
        return _tell(home, entry, ENDS[status], entry.key, patience, pauses, last=True)
    if status is Status.STOPPED:
        entry.remove()
    return []


def sweep(home: Home) -> None:
    """Send what is due in a home and what its engines could not send. Failures are left for the next time."""
    for entry in outbox.entries(home):
        with contextlib.suppress(NastuiError, OSError):
            deliver(entry, pauses=())


class Sweeper:
    """A thread that sends what is due in a home, for processes that live for long.

    Args:
        home: the home.
        also: called at first and after each sweep, in the thread.
        sends: whether it sends.
    """

    def __init__(self, home: Home, also: Callable[[], object] = lambda: None, *, sends: bool = True) -> None:
        self._home = home
        self._also = also
        self._sends = sends
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a message that is leaving is waited for, but not for long."""
        self._ended.set()
        self._thread.join(_LEAVING_SECONDS)

    def _run(self) -> None:
        self._also()
        while not self._ended.wait(SWEEP_SECONDS):
            if self._sends:
                sweep(self._home)
            self._also()


def noted(paths: RunPaths) -> set[str]:
    """Return the keys of the messages about a run that have been sent, or would have been by some channel."""
    return _Notes(paths).keys


def record_of(paths: RunPaths) -> Record:
    """Return the record of a run.

    Raises:
        NastuiError: it cannot be read.
    """
    return RunStore(Home(paths.root.parent.parent)).find(paths.root.name)


def is_stalled(paths: RunPaths) -> bool:
    """Return whether a run that has an engine makes no progress."""
    return stall_of(paths, live=True) is not None


def send_test(home: Home) -> dict[str, str]:
    """Send a test message by every configured channel; return what became of it, empty if it was accepted.

    Raises:
        NastuiError: the settings are invalid.
    """
    chosen = settings.read(home)
    text = f"This is a test message of nastui on {socket.gethostname()}."
    message = _message(home, "test", f"test/{time.time_ns()}", text, None)
    results = {}
    for channel in channels(chosen):
        try:
            channel.send(message, lambda: None)
            results[channel.name] = ""
        except (Undelivered, Refused) as error:
            results[channel.name] = str(error)
    return results


def _tell(
    home: Home, entry: OutboxEntry, event: str, key: str, patience: float, pauses: tuple[float, ...], *, last: bool
) -> list[str]:
    """Send one message by every channel that has not had it; remove the entry if it was its last."""
    chosen = settings.read(home)
    if not chosen.tells:
        return []  # as this process sees the settings; another may see others
    if event not in chosen.events:
        if last:
            entry.remove()
        return []
    paths = home.run(entry.run)
    try:
        with store_lock(paths.notify_lock, patience):
            notes = _Notes(paths, key)
            if key not in notes.keys:
                notes.save()
            due = [channel for channel in channels(chosen) if notes.is_due(channel.name)]
            faults = []
            if due and entry.file.exists():
                record = record_of(paths)
                text = entry.text or sentence(record, event)
                message = _message(home, event, f"{entry.run}/{key}", text, record)
                faults = [fault for channel in due if (fault := _send(channel, message, notes, pauses))]
            if last and all(notes.is_settled(channel.name) for channel in channels(chosen)):
                entry.remove()
            return faults
    except Timeout:
        return []  # another process is sending it


def _send(channel: Channel, message: Message, notes: _Notes, pauses: tuple[float, ...]) -> str:
    """Send a message, again if it was not accepted; return what is wrong, or an empty text."""
    for pause in (*pauses, None):
        try:
            channel.send(message, lambda: notes.write(channel.name, _LEAVING))
        except Refused as error:
            notes.write(channel.name, f"refused: {error}")
            return _fault(channel, message, str(error))
        except Undelivered as error:
            if pause is None:
                notes.write(channel.name, _UNDELIVERED)
                return _fault(channel, message, str(error))
            notes.write(channel.name, _UNDELIVERED, counts=False)
            time.sleep(pause)
        else:
            notes.write(channel.name, _SENT)
            return ""
    return ""


def _fault(channel: Channel, message: Message, why: str) -> str:
    return f"The message '{message['event']}' was not delivered by {channel.name}: {why}."


class _Notes:
    """What `notify.json` of a run says about one message. Only the holder of the lock may use it.

    Args:
        paths: of the run.
        key: of the message.
    """

    def __init__(self, paths: RunPaths, key: str = "") -> None:
        self._file = paths.notify
        self._all = self._loaded()
        self.keys = set(self._all)
        self._ours: dict[str, dict[str, Any]] = self._all.setdefault(key, {})

    def is_due(self, channel: str) -> bool:
        """Whether the message is to be sent by a channel now."""
        note = self._ours.get(channel)
        if note is None:
            return True
        return not self.is_settled(channel) and abs(time.time() - note["time"]) >= ROUND_SECONDS

    def is_settled(self, channel: str) -> bool:
        """Whether the message is never to be sent again by a channel."""
        note = self._ours.get(channel)
        return note is not None and (note["state"] != _UNDELIVERED or note["rounds"] >= MOST_ROUNDS)

    def write(self, channel: str, state: str, *, counts: bool = True) -> None:
        """Note what became of the message. On return it is on disk.

        Raises:
            OSError: it cannot be written.
        """
        rounds = self._ours.get(channel, {}).get("rounds", 0) + (1 if counts and state == _UNDELIVERED else 0)
        self._ours[channel] = {"state": state, "time": time.time(), "rounds": rounds}
        self.save()

    def save(self) -> None:
        """Write the notes, even if no channel has any.

        Raises:
            OSError: they cannot be written.
        """
        replace_text(self._file, json.dumps(self._all, indent=2) + "\n")

    def _loaded(self) -> dict[str, dict[str, dict[str, Any]]]:
        try:
            found = json.loads(read_regular(self._file, MEBIBYTE))
            return {
                str(key): {
                    str(channel): {
                        "state": str(note["state"]),
                        "time": float(note["time"]),
                        "rounds": int(note["rounds"]),
                    }
                    for channel, note in notes.items()
                }
                for key, notes in found.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}


def _message(home: Home, event: str, name: str, text: str, record: Record | None) -> dict[str, Any]:
    """Return a message; `docs/notifications.md` describes its keys."""
    head, summary = (record.head, record.summary) if record is not None else ({}, None)
    return {
        "event": event,
        "run": record.id if record is not None else "",
        "name": record.labels.name if record is not None else "",
        "method": head.get("method", ""),
        "space": head.get("space", ""),
        "dataset": head.get("dataset", ""),
        "epoch": summary.epoch if summary is not None else 0,
        "epochs": summary.epochs if summary is not None else 0,
        "accuracy": summary.best_accuracy if summary is not None else None,
        "problem": summary.problem if summary is not None else "",
        "host": socket.gethostname(),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "id": name,
        "text": text,
        "content": text,
    }


def sentence(record: Record, event: str) -> str:
    """Return an event in words."""
    head, summary = record.head, record.summary
    named = f" ({record.labels.name})" if record.labels.name else ""
    what = f"Run {short_id(record.id)}{named}, {head['method']} on {head['dataset']},"
    match event:
        case "finished":
            best = summary.best_accuracy
            return f"{what} has finished" + ("." if best is None else f": best accuracy {best:.2f} %.")
        case "failed":
            return f"{what} has failed: {summary.problem} {summary.hint}".rstrip()
        case "lost":
            return f"{what} was lost: {summary.problem or 'its engine ended without a word'}."
        case "alarm":
            return f"{what} has raised an alarm: see its warnings."
        case _:
            return f"{what} makes no progress, after {summary.epoch} of {summary.epochs} epochs."
