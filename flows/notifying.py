"""Tell people what the ledger holds and they were not told: channel by channel, at least once.

Whatever goes wrong with one channel is kept and tried again later; no act waits for it, and none fails by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from flows.news import Newsroom
from flows.news_due import due
from flows.news_kinds import News
from flows.notify_file import Channel, Channels, read_channels
from flows.outbox import Outbox, Told
from flows.settings import Settings
from flows.telling import tell
from governance.desk import Desk
from governance.errors import FairgateError
from governance.ledger.remembered import Remembered

OLDEST = timedelta(days=1)
"""A file of channels that is older than this tells nothing from before."""
MOST_LINES = 40
LATE = "the time for telling was over; the next call tells the rest"
Send = Callable[[str, str, str], str | None]


@dataclass(frozen=True, slots=True)
class Sent:
    """What one channel got now, and what still waits for it. `problem` is why, without anything of the address."""

    channel: str
    messages: int
    news: tuple[str, ...]
    waiting: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """How the channels are told. `patient` channels that failed wait for their pause; `dry`: nothing is sent or kept.

    `until`: no message is begun after this moment. `send` answers why it could not, None where it did. `remembered` is
    the ledger's memory of a process that tells again and again.
    """

    patient: bool = True
    dry: bool = False
    until: datetime | None = None
    send: Send = tell
    remembered: Remembered | None = None


def notify(settings: Settings, desk: Desk, how: Round, *, seconds: float = 30.0) -> tuple[Sent, ...]:
    """Tell every channel what it has not been told. Empty where there are no channels.

    Raises ConfigurationError for a file that cannot be used, the errors of a ledger that cannot be read, and
    ServiceError where what was told cannot be kept: it is told again then. A channel that fails raises nothing.
    """
    if settings.notify is None:
        return ()
    channels, outbox = read_channels(settings.notify), Outbox(settings.outbox)
    if how.dry:
        return tuple(_Teller(settings, _at_once(desk, how), channels, outbox, how).everybody())
    with outbox.held(seconds) as mine:
        if not mine:  # whoever tells now may have read the ledger before; the next call tells the rest
            return (Sent("all", 0, (), 0, "another process is telling people now; the next call tells the rest"),)
        return tuple(_Teller(settings, _at_once(desk, how), channels, outbox, how).everybody())


def _at_once(desk: Desk, how: Round) -> Desk:
    """The desk over one reading of the ledger: a round asks it many questions."""
    return replace(desk, ledger=(how.remembered or Remembered(desk.ledger)).now())


@dataclass(slots=True)
class _Teller:
    """One round over the channels, over one reading of the ledger."""

    settings: Settings
    desk: Desk
    channels: Channels
    outbox: Outbox
    how: Round

    def everybody(self) -> Iterator[Sent]:
        now, told, room = self.desk.clock(), self.outbox.read(), Newsroom(self.desk)
        size, start = self.desk.ledger.size(), self._start(now)
        places = {x.name: told.get(x.name) or Told(self._entry_after(start), start) for x in self.channels.channels}
        if not places.keys() <= told.keys() and not self.how.dry:
            self.outbox.write(told | places)
        first = min(place.entry for place in places.values())
        entries = [entry for entry in self.desk.ledger.entries(since=first) if entry.seq < size]
        news = (*room.news(entries), *due(room, min(place.moment for place in places.values()), now))
        told |= places
        for channel in self.channels.channels:
            mine = _for(channel, news, places[channel.name], room)
            yield self._channel(channel, mine, told, replace(places[channel.name], entry=size, moment=now))

    def _start(self, now: datetime) -> datetime:
        """What happened before the channels were written down is old news."""
        return max(datetime.fromtimestamp(self.channels.since, UTC), now - OLDEST)

    def _entry_after(self, moment: datetime) -> int:
        size = self.desk.ledger.size()
        return next((entry.seq for entry in self.desk.ledger.entries() if entry.time >= moment), size)

    def _channel(self, channel: Channel, news: Sequence[News], told: dict[str, Told], end: Told) -> Sent:
        """Tell one channel; `end` is where it is once all of its news went out."""
        now, place, done = self.desk.clock(), told[channel.name], 0
        names = tuple(item.title for item in news)
        if self.how.dry:
            return Sent(channel.name, 0, names, len(news), place.problem)
        if news and self.how.patient and place.waits(now):
            return Sent(channel.name, 0, (), len(news), place.problem)
        messages = 0
        for group in self._messages(news):
            if self.how.until is not None and self.desk.clock() >= self.how.until:
                return Sent(channel.name, messages, names[:done], len(news) - done, LATE)
            problem = self._send(channel, group)
            if problem is not None:
                self._keep(told, channel, told[channel.name].failed(problem, now))
                return Sent(channel.name, messages, names[:done], len(news) - done, problem)
            messages, done = messages + 1, done + len(group)
            self._keep(told, channel, _passed(told[channel.name], group))
        if told[channel.name] != end.well():
            self._keep(told, channel, end.well())
        return Sent(channel.name, messages, names, 0)

    def _messages(self, news: Sequence[News]) -> Iterator[Sequence[News]]:
        """One by one; all in one message where more than `fold_above` wait, so that nobody's mailbox is flooded."""
        if len(news) > self.channels.fold_above:
            yield news
            return
        yield from ([item] for item in news)

    def _send(self, channel: Channel, group: Sequence[News]) -> str | None:
        title, body = message(group, base_of(self.settings))
        return self.how.send(channel.url, title, body)

    def _keep(self, told: dict[str, Told], channel: Channel, place: Told) -> None:
        told[channel.name] = place
        self.outbox.write(told)


def _for(channel: Channel, news: Sequence[News], place: Told, room: Newsroom) -> tuple[News, ...]:
    """The news that this channel wants and was not told."""
    fresh = (x for x in news if (x.at > place.moment if x.seq is None else x.seq >= place.entry))
    return tuple(item for item in fresh if channel.wants(item, room.charter))


def _passed(place: Told, group: Sequence[News]) -> Told:
    """Where a channel is after this message: entries come first, then what fell due."""
    entries = [item.seq + 1 for item in group if item.seq is not None]
    moments = [item.at for item in group if item.seq is None]
    return replace(place.well(), entry=max([place.entry, *entries]), moment=max([place.moment, *moments]))


def base_of(settings: Settings) -> str:
    """The console's address, without a slash at its end."""
    return settings.console_url or f"http://localhost:{settings.console_port}"


def message(group: Sequence[News], base: str) -> tuple[str, str]:
    """Title and body of one message, plain text."""
    if len(group) == 1:
        item = group[0]
        return f"Fairgate: {item.title}", "\n".join((*item.lines, f"{base}{item.path}"))
    shown = [f"{item.at:%Y-%m-%d %H:%M} UTC  {item.title}\n  {base}{item.path}" for item in group[:MOST_LINES]]
    more = len(group) - len(shown)
    rest = [f"and {more} more: {base}/ledger"] if more else []
    return f"Fairgate: {len(group)} pieces of news", "\n".join((*shown, *rest))


def kept_problems(settings: Settings) -> tuple[tuple[str, Told], ...]:
    """Channels that failed last time, with what is known of it. Raises ConfigurationError, ServiceError."""
    if settings.notify is None:
        return ()
    names = {channel.name for channel in read_channels(settings.notify).channels}
    return tuple((name, row) for name, row in Outbox(settings.outbox).read().items() if row.failures and name in names)


def tell_people(settings: Settings, desk: Desk, *, seconds: float = 20.0) -> tuple[str, ...]:
    """After an act: tell people, within so many seconds; what went wrong, in sentences. Never raises."""
    try:
        sent = notify(settings, desk, Round(until=desk.clock() + timedelta(seconds=seconds)), seconds=5.0)
    except FairgateError as error:
        return (f"people could not be told: {error}",)
    except Exception as error:  # noqa: BLE001 - what was recorded stays recorded, whatever happens here
        return (f"people could not be told ({type(error).__name__})",)
    return tuple(f"channel {item.channel}: {item.problem}" for item in sent if item.problem)
