"""Messages about runs: each is sent once, whoever dies, and a wrong configuration starts no run."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nastui import settings as dashboard_settings
from runs import detached
from runs.configuration import Draft
from runs.errors import EnvironmentLacksError, NastuiError, UsageError
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
from runs.log.events import Failed, Stopped, Warned
from runs.notify import alarms, channels, desktop, outbox, settings, telling
from runs.notify.alarms import Alarms
from runs.notify.outbox import OutboxEntry
from runs.store.lock import engine_lock
from runs.store.run_store import RunStore
from runs.store.slurm_jobs import Entry, SlurmJobs
from runs.supervision import launching, new_run
from tests.runs.processes import lock_holder, python, running
from tests.runs.webhook import Webhook, configure
from tests.synthetic import make_run


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    server = Webhook()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "RETRY_SECONDS", (0.0, 0.0))


def expected(home: Home, **how: int) -> tuple[RunPaths, OutboxEntry]:
    """Make a run whose engine has left an entry for its end, and is gone."""
    _, paths = make_run(home.root, **how)
    paths.lock.touch()
    entry = outbox.expect_end(paths)
    assert entry is not None
    return paths, entry


def notes(paths: RunPaths) -> dict[str, dict[str, str]]:
    """Return what became of each message by each channel."""
    found = json.loads(paths.notify.read_text())
    return {key: {name: note["state"] for name, note in of.items()} for key, of in found.items()}


# Settings


def test_without_a_table_nothing_is_told(home: Home) -> None:
    assert not settings.read(home).tells
    _, paths = make_run(home.root)
    assert outbox.expect_end(paths) is None
    assert not home.outbox.exists()


def test_the_table_is_read(home: Home) -> None:
    configure(
        home, 'events = ["lost"]\nwebhook = "https://a.example/x"\ncommand = ["sh", "-c", "true"]\ndesktop = true'
    )
    found = settings.read(home)
    assert found == settings.NotifySettings(("lost",), ("https://a.example/x",), ("sh", "-c", "true"), (), True)
    chosen, complaints = dashboard_settings.read(home.configuration)
    assert (chosen.desktop, complaints) == (("lost",), [])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('event = ["lost"]', "there is no setting 'event'. Did you mean 'events'?"),
        ('events = ["end"]', "there is no event 'end'"),
        ("events = 5", "'events' must be a list of texts"),
        ('webhook = "hooks.example/SECRET"', "'webhook' must be an address that begins with http:// or https://"),
        ('webhook = ["https://a.example", "ftp://b.example/SECRET"]', "'webhook' must be an address"),
        ('webhook = "https://a.example/SECRET\\nHost: b"', "'webhook' must be an address"),
        ('webhook = "https://a.example:99999/SECRET"', "'webhook' must be an address"),
        ('webhook = ""', "'webhook' must be a list of texts"),
        ('command = "notify-send SECRET"', "'command' must be a list"),
        ('desktop = "yes"', "'desktop' must be true or false"),
        ('command = ["a\\u0000b"]', "contains a null character"),
    ],
)
def test_a_wrong_table_is_one_sentence_and_starts_nothing(home: Home, table: str, said: str) -> None:
    configure(home, table)
    with pytest.raises(UsageError) as caught:
        new_run.start(RunStore(home), Draft(method="drnas", preset="quick"))
    assert said in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert RunStore(home).records() == []
    _, paths = make_run(home.root, epochs=4, done=2)
    with pytest.raises(UsageError):
        launching.launch(paths)
    assert said in dashboard_settings.read(home.configuration)[1][0], "a dashboard opens, and says it"


@pytest.mark.parametrize(
    "table", ['command = ["no-such-program-anywhere"]', 'apprise = "tgram://SECRET"'], ids=["command", "apprise"]
)
def test_what_is_not_installed_is_named(home: Home, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_has_apprise", lambda: False)
    configure(home, table)
    with pytest.raises(EnvironmentLacksError, match=r"no-such-program-anywhere|pip install 'nastui") as caught:
        settings.read(home)
    assert "SECRET" not in str(caught.value)


# Each message once


@pytest.mark.parametrize(("how", "event"), [({}, "finished"), ({"epochs": 4, "done": 2}, "lost")])
def test_an_end_is_told_once_with_its_facts(home: Home, webhook: Webhook, how: dict[str, int], event: str) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    paths, _ = expected(home, **how)
    for _ in range(3):
        telling.sweep(home)
    (message,) = webhook.received
    assert message["event"] == event
    assert message["run"] == paths.root.name
    assert message["id"] == message["header"] == f"{paths.root.name}/end-1"
    assert message["method"] == "drnas" and message["epochs"] >= message["epoch"] > 0
    assert paths.root.name[:8] in message["text"] == message["content"]
    assert outbox.entries(home) == []
    assert notes(paths) == {"end-1": {"webhook 1": "sent"}}


def test_a_failure_is_told_with_its_reason_and_a_stop_is_not_told(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    failed, _ = expected(home, epochs=4, done=2)
    stopped, _ = expected(home, epochs=5, done=2)
    for paths, event in ((failed, Failed("out of memory", "Lower batch_size.")), (stopped, Stopped())):
        with EventLog(paths.events, 1000) as log:
            log.append(event)
    telling.sweep(home)
    assert webhook.events == ["failed"]
    assert "out of memory Lower batch_size." in webhook.received[0]["text"]
    assert outbox.entries(home) == []


def test_a_run_with_an_engine_tells_nothing_yet(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    paths, entry = expected(home, epochs=4, done=2)
    with lock_holder(paths.lock):
        telling.sweep(home)
    assert webhook.events == []
    assert outbox.entries(home) == [entry]


def test_a_run_of_a_host_with_another_clock_is_not_told_of_as_lost(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    _, entry = expected(home, epochs=4, done=2)
    monkeypatch.setattr(telling, "is_held_for_certain", lambda _: True)
    telling.sweep(home)
    assert webhook.events == []
    assert outbox.entries(home) == [entry]


def test_a_run_that_slurm_may_start_again_is_told_of_as_lost_once_its_job_is_over(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    paths, entry = expected(home, epochs=4, done=2)
    run, jobs = paths.root.name, SlurmJobs(home)
    with jobs.change() as document:
        document.entries[run] = Entry(run=run, submission="nastui-1")
    telling.sweep(home)
    assert (webhook.events, outbox.entries(home)) == ([], [entry])
    with jobs.change() as document:
        document.entries[run] = Entry(run=run, submission="nastui-1", ended=True)
    telling.sweep(home)
    assert webhook.events == ["lost"]


def test_only_the_chosen_events_are_told(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"\nevents = ["failed"]')
    expected(home)
    telling.sweep(home)
    assert webhook.events == []
    assert outbox.entries(home) == []


def test_many_viewers_at_once_send_one_message(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    expected(home)
    threads = [threading.Thread(target=telling.sweep, args=(home,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    telling.sweep(home)
    assert webhook.events == ["finished"]


SWEEP = """
import pathlib, sys
from runs.home import Home
from runs.notify.telling import sweep
print("ready", flush=True)
sweep(Home(pathlib.Path(sys.argv[1])))
"""


def test_a_sender_killed_while_the_message_leaves_has_sent_it(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    paths, _ = expected(home)
    webhook.go_on.clear()
    with running(SWEEP, home.root) as viewer:
        assert webhook.arrived.wait(30)
        viewer.kill()
        viewer.wait()
    webhook.go_on.set()
    telling.sweep(home)
    assert webhook.events == ["finished"]
    assert notes(paths) == {"end-1": {"webhook 1": "leaving"}}
    assert outbox.entries(home) == []


def test_a_sender_killed_before_the_message_leaves_is_replaced(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    expected(home)
    script = "import os; from runs.notify import channels; channels._connection = lambda _: os._exit(9)\n" + SWEEP
    viewer = python(script, home.root)
    viewer.communicate(timeout=60)
    assert viewer.returncode == 9
    assert webhook.events == []
    telling.sweep(home)
    assert webhook.events == ["finished"]


def test_a_server_that_asks_to_wait_is_asked_again(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    paths, entry = expected(home)
    webhook.answer = lambda number: 503 if number < 3 else 204
    assert telling.deliver(entry, pauses=(0.0, 0.0)) == []
    assert len(webhook.received) == 3
    assert notes(paths) == {"end-1": {"webhook 1": "sent"}}


@pytest.mark.parametrize("answer", [500, 404, 302, None])
def test_what_may_have_been_accepted_is_not_sent_again(home: Home, webhook: Webhook, answer: int | None) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    _, entry = expected(home)
    webhook.answer = answer
    (fault,) = telling.deliver(entry, pauses=(0.0, 0.0))
    telling.sweep(home)
    assert len(webhook.received) == 1
    assert "'finished' was not delivered by webhook 1" in fault
    assert "SECRET" not in fault
    assert outbox.entries(home) == []


def test_a_server_that_cannot_be_reached_is_tried_later_but_not_for_ever(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        configure(home, f'webhook = "http://127.0.0.1:{closed.getsockname()[1]}/SECRET"')
        _, entry = expected(home)
        (fault,) = telling.deliver(entry, pauses=(0.0, 0.0))
        assert "SECRET" not in fault
        assert telling.deliver(entry) == [], "not again within a minute"
        monkeypatch.setattr(telling, "ROUND_SECONDS", 0.0)
        configure(home, f'webhook = "{webhook.address}"')
        telling.sweep(home)
        assert webhook.events == ["finished"]

        configure(home, f'webhook = "http://127.0.0.1:{closed.getsockname()[1]}/SECRET"')
        _, entry = expected(home, epochs=3)
        for _ in range(telling.MOST_ROUNDS):
            assert outbox.entries(home) == [entry]
            telling.sweep(home)
        assert outbox.entries(home) == []


def test_a_home_that_cannot_be_written_sends_nothing(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every viewer would send it."""
    configure(home, f'webhook = "{webhook.address}"')
    expected(home)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(telling, "replace_text", full)
    telling.sweep(home)
    assert webhook.events == []


def test_a_run_that_was_resumed_is_told_of_again_and_its_old_end_is_not(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    paths, _ = expected(home, epochs=4, done=2)
    telling.sweep(home)
    with EventLog(paths.events, 1000) as log:
        from runs.log.events import Started

        log.append(Started())
    assert outbox.expect_end(paths) is not None
    telling.sweep(home)
    assert webhook.events == ["lost", "lost"]
    outbox.expect_end(paths)
    with EventLog(paths.events, 2000) as log:
        log.append(Started())
    outbox.expect_end(paths)
    assert [entry.key for entry in outbox.entries(home)] == ["end-3"]


def test_a_damaged_file_of_notes_and_foreign_files_in_the_outbox_do_no_harm(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    paths, _ = expected(home)
    paths.notify.write_text('{"end-1": [5]}')
    for name in ("readme", ".x.end-1", "x.end-", "gone-drnas-darts.end-0", "y.alarm-1"):
        (home.outbox / name).write_text("[" * 5000)
    telling.sweep(home)
    assert webhook.events == ["finished"]
    assert sorted(file.name for file in home.outbox.iterdir()) == [".x.end-1", "readme", "x.end-"]


# Alarms and stalls


def test_an_alarm_is_sent_once_even_if_a_resumed_engine_raises_it_again(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    paths, _ = expected(home, epochs=4, done=2)
    with engine_lock(paths.lock):
        for _ in range(2):
            raised = Alarms(paths)
            raised.notice(Warned("collapse", "The search collapses."))
            raised.notice(Warned("batch_kept", "no alarm"))
            raised.wait(30)
    assert webhook.events == ["alarm"]
    assert webhook.received[0]["text"] == "The search collapses."


def test_an_alarm_never_waits_for_the_network(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    paths, _ = expected(home, epochs=4, done=2)
    webhook.go_on.clear()
    raised = Alarms(paths)
    raised.notice(Warned("collapse", "The search collapses."))
    raised.wait(0.0)
    assert webhook.arrived.wait(30)
    webhook.go_on.set()
    raised.wait(30)
    assert "collapse" in alarms.ALARMS


def test_a_stall_is_told_once_and_so_is_what_comes_after(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    paths, _ = expected(home, epochs=4, done=2)
    monkeypatch.setattr(telling, "is_stalled", lambda _: True)
    with lock_holder(paths.lock):
        for _ in range(3):
            telling.sweep(home)
    telling.sweep(home)
    assert webhook.events == ["stalled", "lost"]


# The other channels


def test_a_command_gets_the_message_as_json_and_in_variables(home: Home, tmp_path: Path) -> None:
    told = tmp_path / "told"
    configure(home, f"""command = ["sh", "-c", "cat > '{told}'; echo $NASTUI_EVENT $NASTUI_RUN > '{told}.txt'"]""")
    paths, _ = expected(home)
    telling.sweep(home)
    assert json.loads(told.read_text())["run"] == paths.root.name
    assert Path(f"{told}.txt").read_text() == f"finished {paths.root.name}\n"


def test_a_command_that_fails_or_hangs_is_ended_and_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "COMMAND_SECONDS", 0.2)
    for words, said in ((["sh", "-c", "exit 3"], "ended with code 3"), (["sleep", "60"], "was ended after 0 s")):
        configure(home, f"command = {json.dumps(words)}")
        _, entry = expected(home)
        (fault,) = telling.deliver(entry)
        assert said in fault


def test_apprise_gets_a_title_and_a_text(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []

    class Apprise:
        def add(self, address: str) -> bool:
            said.append(address)
            return True

        def notify(self, **what: str) -> bool:
            said.append(what["title"])
            return False

    monkeypatch.setitem(sys.modules, "apprise", type("apprise", (), {"Apprise": Apprise}))
    monkeypatch.setattr(settings, "_has_apprise", lambda: True)
    configure(home, 'apprise = "json://SECRET"')
    _, entry = expected(home)
    (fault,) = telling.deliver(entry)
    assert said == ["json://SECRET", "nastui: finished"]
    assert fault == "The message 'finished' was not delivered by apprise 1: the service did not accept it."


@pytest.mark.parametrize("environment", [{}, {"TMUX": "/tmp/tmux,1,0"}, {"TERM": "tmux-256color"}])
def test_a_terminal_gets_bell_and_both_sequences(environment: dict[str, str]) -> None:
    told = desktop.sequences("Run a; b\x1b[2J\x07\nc", environment)
    plain = "Run a, b [2J  c"
    if environment:
        assert told == (f"\a\x1bPtmux;\x1b\x1b]9;{plain}\a\x1b\\\x1bPtmux;\x1b\x1b]777;notify;nastui;{plain}\a\x1b\\")
    else:
        assert told == f"\a\x1b]9;{plain}\a\x1b]777;notify;nastui;{plain}\a"


def test_a_dashboard_tells_the_desktop_what_happens_while_it_is_open(home: Home) -> None:
    configure(home, "desktop = true")
    paths, _ = expected(home, epochs=4, done=2)
    watch = desktop.DesktopWatch(home, settings.EVENTS)
    assert watch.look() == [], "it was lost before"
    with lock_holder(paths.lock) as engine:
        assert watch.look() == []
        raised = Alarms(paths)
        raised.notice(Warned("collapse", "The search collapses."))
        raised.wait(30)
        (alarm,) = watch.look()
        assert "alarm" in alarm
        engine.kill()
        engine.wait()
        (lost,) = watch.look()
        assert "was lost" in lost
    assert watch.look() == []


def test_the_test_reports_each_channel(home: Home, webhook: Webhook) -> None:
    webhook.answer = 403
    configure(home, f'webhook = "{webhook.address}"\ncommand = ["true"]')
    assert telling.send_test(home) == {"webhook 1": "the server answered 403", "command": ""}
    assert webhook.events == ["test"]


def test_secrets_stay_in_the_configuration(home: Home, webhook: Webhook) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    webhook.answer = 500
    _, entry = expected(home)
    telling.deliver(entry)
    for folder, _, files in os.walk(home.root):
        for file in files:
            if file != "config.toml":
                assert b"SECRET" not in (Path(folder) / file).read_bytes()


def test_a_start_that_failed_is_told_by_the_next_viewer(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(home, f'webhook = "{webhook.address}"')
    _, paths = make_run(home.root, done=0)
    monkeypatch.setattr(detached, "command", lambda *_: [sys.executable, "-c", "print('another program')"])
    with pytest.raises(NastuiError):
        launching.launch(paths)
    telling.sweep(home)
    assert webhook.events == ["failed"]
    assert "another program" in webhook.received[0]["text"]
