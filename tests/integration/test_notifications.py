"""News by real sockets: at least once, never to the wrong people, and no address anywhere that people or logs read."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket
from threading import Event

import pytest
import report_factory as factory
from hostile import PAYLOADS
from loopback import Webhook, mail_server, webhook
from notify_factory import (
    CONSOLE,
    KINDS,
    Place,
    bad_night,
    channel,
    conditional_sign_off,
    held_case,
    later,
    missed_night,
    new_place,
    now,
    refused_case,
    released_without_signatures,
)

from flows.cli import main
from flows.cli.notify import _lines
from flows.doctor import Checkup, _looked, _nights, _notifications
from flows.monitoring import looks_untold
from flows.notify_later import Bell
from flows.notifying import Round, Sent, kept_problems, notify, tell_people
from flows.outbox import Outbox, Told
from flows.telling import tell, usable
from flows.wiring import utc_now
from governance.errors import ConfigurationError, Exit
from governance.record import ran
from reports.night import WORDS

SECRET = "s3cr3t-token"
# Apprise imports all of its services at once, and a library of one of them imports a module that Python drops in 3.13.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as kept:
        yield kept


def _told(place: Place, *, patient: bool = True) -> tuple[Sent, ...]:
    return notify(place.settings, place.desk, Round(patient=patient))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_news_is_told_once_in_plain_words(tmp_path: Path, hook: Webhook, kind: str) -> None:
    make, title = KINDS[kind]
    place = new_place(tmp_path, channel("all", hook.url(), more=f'kinds = ["{kind}"]'))
    assert _told(place) == (Sent("all", 0, (), 0),)
    make(place)
    (sent,) = _told(place)
    assert (sent.messages, sent.waiting, sent.problem) == (1, 0, "")
    (got,) = hook.got
    assert title in got["title"]
    assert got["title"].startswith("Fairgate: ")
    assert got["message"].splitlines()[-1].startswith(f"{CONSOLE}/")
    for withheld in ("7 of 9", "7 people", "3 of 11", "disparity", "female"):
        assert withheld not in got["title"] + got["message"]
    assert _told(place) == (Sent("all", 0, (), 0),)
    assert len(hook.got) == 1


def test_a_release_without_signatures_says_that_people_can_refuse(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("risk", hook.url(), '["model-risk"]'))
    _told(place)
    released_without_signatures(place)
    _told(place)
    assert "For 14 days, people can refuse it in the console." in hook.got[0]["message"]


def test_a_missed_night_is_told_once(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("all", hook.url()))
    _told(place)
    missed_night(place)
    _told(place)
    assert hook.titles() == ["Fairgate: A night was missed"]
    later(place.desk, timedelta(hours=1))
    _told(place)
    assert len(hook.got) == 1


def test_an_approvals_condition_is_told_before_and_after_its_day(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("owner", hook.url(), "[]", 'persons = ["data-scientist"]'))
    day = (now(place.desk) + timedelta(days=20)).date()
    conditional_sign_off(place, day)
    _told(place)
    assert not [title for title in hook.titles() if "condition" in title]
    for days in (15, 7):
        later(place.desk, timedelta(days=days))
        _told(place)
    before, after = (title for title in hook.titles() if "condition" in title)
    assert f"is due on {day}" in before
    assert f"was due and is not met on {day}" in after
    assert "7 women" not in json.dumps(hook.got)


def test_news_goes_to_whom_the_policy_names_and_to_nobody_else(tmp_path: Path) -> None:
    with webhook() as compliance, webhook() as science, webhook() as risk, webhook() as legal:
        place = new_place(
            tmp_path,
            channel("compliance", compliance.url(), '["compliance"]'),
            channel("science", science.url(), '["data-science"]'),
            channel("risk", risk.url(), "[]", 'persons = ["risk-officer"]'),
            channel("legal", legal.url(), '["legal"]'),
        )
        _told(place)
        held_case(place)
        _told(place)
        assert [len(x.got) for x in (compliance, science, risk, legal)] == [1, 0, 1, 0]
        KINDS["released"][0](place)
        _told(place)
        assert [len(x.got) for x in (compliance, science, risk, legal)] == [2, 1, 2, 1]


def test_old_news_is_not_sent(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("all", hook.url()))
    held_case(place)
    later(place.desk, timedelta(hours=1))
    written = now(place.desk).timestamp()
    os.utime(place.file, (written, written))
    assert _told(place) == (Sent("all", 0, (), 0),)
    refused_case(place)
    _told(place)
    assert hook.titles() == ["Fairgate: hiring v1 as champion in local: refused"]


def test_a_file_that_is_old_tells_no_more_than_a_day(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("all", hook.url()))
    os.utime(place.file, (0, 0))
    held_case(place)
    later(place.desk, timedelta(days=2))
    bad_night(place)
    _told(place)
    assert len(hook.got) == 1


def test_a_channel_that_is_down_loses_nothing_and_holds_up_nobody(tmp_path: Path, hook: Webhook) -> None:
    with webhook() as other:
        place = new_place(tmp_path, channel("down", hook.url()), channel("up", other.url()))
        _told(place)
        hook.status = 503
        held_case(place)
        down, up = _told(place)
        assert (down.waiting, down.problem) == (1, "the service answered 503")
        assert (up.messages, up.problem) == (1, "")
        refused_case(place)
        hook.status = 200
        down, up = _told(place)
        assert (down.messages, down.waiting) == (0, 2), "it waits for its pause"
        assert up.messages == 1
        later(place.desk, timedelta(minutes=2))
        down, _ = _told(place)
        assert (down.messages, down.waiting, down.problem) == (2, 0, "")
        assert hook.titles() == other.titles()
        assert kept_problems(place.settings) == ()


def test_the_pause_doubles_up_to_six_hours_and_asking_by_hand_does_not_wait(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("down", hook.url()))
    _told(place)
    hook.status = 500
    held_case(place)
    pauses = []
    for _ in range(12):
        _told(place, patient=False)
        ((_, row),) = kept_problems(place.settings)
        assert row.retry is not None
        pauses.append(round((row.retry - now(place.desk)).total_seconds() / 60))
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]
    assert row.failures == 12


def test_a_port_where_nobody_listens_is_a_failure_that_is_kept_and_shown(tmp_path: Path) -> None:
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = new_place(tmp_path, channel("gone", f"json://a:{SECRET}@127.0.0.1:{port}"))
    _told(place)
    held_case(place)
    (sent,) = _told(place)
    assert sent.problem == "the service refused it or does not answer"
    (look,) = looks_untold(place.settings)
    assert (look.exit_code, look.alias) == (Exit.SERVICE, "gone")
    assert "1 tries since 2026-10-05" in look.lines[0]
    assert SECRET not in look.lines[0]
    assert tell_people(place.settings, place.desk) == ("channel gone: the service refused it or does not answer",)


def test_a_redirect_is_not_followed(tmp_path: Path, hook: Webhook) -> None:
    hook.status = 302
    assert tell(hook.url(), "title", "body") == "the service answered 302"
    assert hook.got == []


def test_many_pieces_are_folded_into_one_message(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("all", hook.url()), fold=3)
    _told(place)
    for _ in range(3):
        bad_night(place)
    _told(place)
    assert len(hook.got) == 3
    for _ in range(60):
        bad_night(place)
    (sent,) = _told(place)
    assert (sent.messages, len(sent.news)) == (1, 60)
    assert hook.got[-1]["title"] == "Fairgate: 60 pieces of news"
    assert hook.got[-1]["message"].splitlines()[-1] == f"and 20 more: {CONSOLE}/ledger"
    assert _told(place) == (Sent("all", 0, (), 0),)


@pytest.mark.parametrize("at", range(len(PAYLOADS)))
def test_hostile_names_become_neither_markup_nor_links_nor_mentions(tmp_path: Path, hook: Webhook, at: int) -> None:
    place = new_place(tmp_path, channel("all", hook.url(), more='kinds = ["held"]'))
    _told(place)
    factory.record_case(place.desk, "2", name=f"m {PAYLOADS[at]} @everyone <!channel> https://evil.example/x")
    _told(place)
    (got,) = hook.got
    text = got["title"] + "\n" + got["message"]
    *words, link = text.splitlines()
    assert len(words) == 2, "one line for the title, one for the sentence"
    assert text.replace("\n", "").isprintable()
    assert not any(mark in line for line in words for mark in ("<", ">", "://", "@", "]("))
    assert link.startswith(f"{CONSOLE}/case?name=m+")
    assert link.isascii()


def test_mail_arrives_as_plain_text(tmp_path: Path) -> None:
    with mail_server() as box:
        url = f"mailto://127.0.0.1:{box.port}?from=fairgate@house.example&to=anna@house.example&smtp=127.0.0.1&format=text"
        place = new_place(tmp_path, channel("mail", url))
        _told(place)
        factory.record_case(place.desk, "2", name="<b>größe</b>")
        (sent,) = _told(place)
        assert sent.problem == ""
        (mail,) = box.mails
        assert mail["subject"] == "Fairgate: ‹b›größe‹/b› v2 as champion in local: held"
        assert mail["to"].addresses[0].addr_spec == "anna@house.example"
        assert mail.get_content_type() == "text/plain"
        assert "Sign-off is missing from: compliance, model-risk." in mail.get_content()


def test_a_process_that_is_killed_between_two_messages_loses_none(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("all", hook.url()), real=True)
    for _ in range(4):
        bad_night(place)
    held_case(place)
    start = place.desk.ledger.size() - 5 - 3  # the case is four entries, the hold the last of them
    Outbox(place.settings.outbox).folder.mkdir(parents=True)
    Outbox(place.settings.outbox).write({"all": Told(start, datetime.now(UTC))})
    child: list[subprocess.Popen[bytes]] = []

    def kill(number: int) -> None:
        if number == 3 and child:
            child[0].send_signal(signal.SIGKILL)
            child[0].wait()

    hook.before = kill
    child.append(_command(tmp_path))
    assert child[0].wait(120) == -signal.SIGKILL
    assert len(hook.got) == 3
    again = _command(tmp_path)
    assert again.wait(120) == 0
    titles = hook.titles()
    assert len(titles) == 6, "the third was told, and is told again: nobody could know"
    assert titles[-1] == "Fairgate: hiring v2 as champion in local: held"
    assert len([title for title in titles if "needs attention" in title]) == 5


def _command(folder: Path) -> subprocess.Popen[bytes]:
    env = {**os.environ, "FAIRGATE_NOTIFY": "notify.toml"}
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "notify"], cwd=folder, env=env, stdout=subprocess.DEVNULL
    )


def test_the_console_never_waits_for_a_channel(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("slow", hook.url()))
    _told(place)
    asked, answered = Event(), Event()

    def slow(_number: int) -> None:
        asked.set()
        answered.wait(60)

    hook.before = slow
    bell = Bell(place.settings, place.desk, every=0.05)
    held_case(place)
    bell.ring()  # returns though the service does not answer yet
    assert asked.wait(60)
    bell.ring()
    assert not answered.is_set()
    answered.set()


def test_the_thread_lives_on_after_a_file_that_cannot_be_read(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("all", hook.url()))
    _told(place)
    good = place.file.read_text()
    place.file.write_text("nonsense")
    told = Event()
    hook.before = lambda _number: told.set()
    bell = Bell(place.settings, place.desk, every=0.05)
    held_case(place)
    bell.ring()
    place.file.write_text(good)
    assert told.wait(60)


def test_nothing_of_this_raises_where_people_act(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("all", hook.url()))
    place.file.write_text(f'url = "{SECRET}')
    (said,) = tell_people(place.settings, place.desk)
    assert said.startswith("people could not be told: notify.toml is not valid TOML")
    assert SECRET not in said
    (look,) = looks_untold(place.settings)
    assert look.exit_code is Exit.CONFIGURATION


def test_a_damaged_outbox_is_said_and_not_guessed_at(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("all", hook.url()))
    _told(place)
    path = Outbox(place.settings.outbox).path
    for damaged in (b"", b"[]", b"{", b'{"all": 7}', b'{"all": {"entry": "x"}}', b"\xff"):
        path.write_bytes(damaged)
        with pytest.raises(ConfigurationError, match="is damaged: remove it"):
            _told(place)


def test_two_at_once_do_not_tell_twice(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("all", hook.url()))
    with Outbox(place.settings.outbox).held(1) as mine:
        assert mine
        with Outbox(place.settings.outbox).held(0.05) as other:
            assert not other
        (sent,) = notify(place.settings, place.desk, Round(), seconds=0.05)
    assert "another process is telling" in sent.problem


def test_a_round_ends_when_its_time_is_over(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("all", hook.url()))
    _told(place)
    held_case(place)
    (sent,) = notify(place.settings, place.desk, Round(until=now(place.desk)))
    assert (sent.messages, sent.waiting) == (0, 1)
    assert kept_problems(place.settings) == (), "the channel did nothing wrong"
    _told(place)
    assert len(hook.got) == 1


def test_no_secret_is_printed_logged_or_kept(
    tmp_path: Path, hook: Webhook, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = new_place(tmp_path, channel("all", hook.url()), real=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAIRGATE_NOTIFY", "notify.toml")
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    root, keep = logging.getLogger(), Keep()
    level = root.level
    root.addHandler(keep)
    root.setLevel(logging.DEBUG)
    try:
        Outbox(place.settings.outbox).folder.mkdir(parents=True)
        for status in (500, 200):
            hook.status = status
            Outbox(place.settings.outbox).write({"all": Told(0, now(place.desk))})
            held_case(place)
            assert main(["notify", "--dry-run"]) == 0
            assert main(["notify", "--json"]) == (6 if status == 500 else 0)
            assert main(["notify"]) == (6 if status == 500 else 0)
    finally:
        root.removeHandler(keep)
        root.setLevel(level)
    assert hook.got
    shown = capsys.readouterr()
    kept = [path.read_bytes() for path in place.settings.home.rglob("*") if path.is_file()]
    for text in (shown.out, shown.err, *lines, *(data.decode("latin-1") for data in kept)):
        assert SECRET not in text


def test_dry_run_says_what_would_be_told_and_keeps_nothing(
    tmp_path: Path, hook: Webhook, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = new_place(tmp_path, channel("all", hook.url()))
    held_case(place)
    (sent,) = notify(place.settings, place.desk, Round(dry=True))
    assert sent.news == ("hiring v2 as champion in local: held",)
    assert hook.got == []
    assert not Outbox(place.settings.outbox).path.exists()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRGATE_NOTIFY", raising=False)
    assert main(["notify"]) == Exit.CONFIGURATION
    assert "set FAIRGATE_NOTIFY" in capsys.readouterr().err


def test_doctor_says_which_channels_fail(tmp_path: Path, hook: Webhook) -> None:
    place = new_place(tmp_path, channel("all", hook.url()), real=True)

    def looked() -> Checkup:
        return _looked("notifications", _notifications, place.settings)

    assert looked().code is Exit.DONE
    hook.status = 401
    Outbox(place.settings.outbox).folder.mkdir(parents=True)
    Outbox(place.settings.outbox).write({"all": Told(0, now(place.desk))})
    held_case(place)
    _told(place)
    assert looked().code is Exit.SERVICE
    assert "channel all: the service answered 401, 1 tries" in looked().detail
    place.file.write_text(place.file.read_text().replace("json://someone", "mailto://some one"))
    assert looked().code is Exit.CONFIGURATION
    assert SECRET not in looked().detail


def test_doctor_does_not_say_that_no_night_was_missed_before_one_has_ended(tmp_path: Path) -> None:
    place = new_place(tmp_path, real=True)
    assert "none has ended yet" in _looked("night runs", _nights, place.settings).detail
    bad_night(place)
    assert _looked("night runs", _nights, place.settings).detail.startswith("no night ran since")


@pytest.mark.parametrize(
    ("code", "state"),
    [(0, Exit.DONE), (10, Exit.DONE), (13, Exit.DONE), (3, Exit.SERVICE), (6, Exit.SERVICE), (None, Exit.SERVICE)],
)
def test_doctor_says_how_the_last_night_ended(tmp_path: Path, code: int | None, state: Exit) -> None:
    place = new_place(tmp_path, real=True)
    ledger = replace(place.desk.ledger, clock=utc_now)  # type: ignore[type-var]
    entry = ledger.append(ran("nightly", "a night", {"exit_code": code, "aliases": 1}))
    found = _looked("night runs", _nights, place.settings)
    assert found.code is state
    assert f"ended: {'unknown' if code is None else WORDS[code]} (ledger entry {entry.seq})" in found.detail


def test_a_channel_with_nothing_to_tell_says_why() -> None:
    assert "older news is not sent" in _lines(Sent("all", 0, (), 0), dry_run=False)[-1]
    assert _lines(Sent("all", 1, ("hiring v1: held",), 0), dry_run=False)[1:] == ["  hiring v1: held"]


def test_addresses_that_apprise_does_not_know_are_unusable(hook: Webhook) -> None:
    assert usable(hook.url())
    assert not usable("nothing://like.this/")
    said = tell("slack://tooshort", "t", "b")
    assert said is not None
    assert "tooshort" not in said
