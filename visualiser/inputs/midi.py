"""MIDI in and out: knobs and buttons that move controls, learned by touching them; its clock."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from visualiser import config
from visualiser.controls import Command, Control, Controls, Stroke, Value, action
from visualiser.inputs.knobs import PASSED, Knob, learnable, parse
from visualiser.inputs.midi_cables import Cables
from visualiser.inputs.midi_clock import Follower
from visualiser.inputs.midi_heard import Heard, Touch
from visualiser.inputs.midi_ports import Backend, RtMidi
from visualiser.inputs.pickup import Mapped
from visualiser.remember import Memory
from visualiser.undo import MOST, History

LEARN_S = 30.0  # then it is left, so that nothing is learned by mistake later
HINT_S = 4.0  # between two lines about knobs that do not lead yet
PULSE_S = 0.1  # between two words to the beat


def declare() -> tuple[Control, ...]:
    return (
        action("midi.learn", "learn a knob for what was changed last", "z"),
        action("midi.forget", "take its knobs from what was changed last", ";"),
        action("midi.undo", "knobs as before what was learned or taken last"),
    )


class Midi:
    """memory: where what is learned is kept, if anywhere; connect: gives the system's MIDI; now: a
    clock, s, the one with which messages are stamped; history: told of mappings that are lost."""

    def __init__(
        self,
        settings: config.Midi,
        controls: Controls,
        memory: Memory | None = None,
        connect: Callable[[], Backend] = RtMidi,
        now: Callable[[], float] = time.perf_counter,
        history: History | None = None,
    ) -> None:
        self._history = history or History()
        self._settings, self._controls, self._memory, self._now = settings, controls, memory, now
        self._mapped: dict[Knob, Mapped] = {}
        self._spelled: dict[Knob, str] = {}  # as config.toml has them
        self._written: Mapping[str, object] | None = None
        self.remap(settings.map)
        self._heard = Heard()
        self._clock = Follower()
        self._pulsed = 0.0
        self._hinted = -HINT_S
        self._changed = ""  # the control that was changed last, or whose knob was moved
        # To undo: what knobs moved before, "" nothing.
        self._lost: deque[dict[Knob, str]] = deque(maxlen=MOST)
        self._learning_until: float | None = None
        self._target = ""
        self._notices: list[str] = []
        self._plugged = 0
        self._is_told = not (settings.map or settings.ports)  # nobody asked for MIDI
        self._cables = Cables(connect, settings.ports, self._heard.put, self._heard.let_go)

    def remap(self, mapping: Mapping[str, str]) -> None:
        """Take these for the mappings, as config.toml has them; what stays as it is leads on."""
        before, self._mapped = self._mapped, {}
        self._spelled.clear()
        for text, id in mapping.items():
            knob, control = parse(text), self._controls.get(id)
            if control is not None:
                kept = before.get(knob)
                same = kept is not None and kept.control.id == id
                self._mapped[knob] = kept if kept and same else self._map(knob, control)
                self._spelled[knob] = text

    def follow(self, written: Mapping[str, object]) -> None:
        """Take over what was changed in config.toml. written: what it says, by "section.key"."""
        if written is not self._written:
            self._written = written
            begin = "midi.map."
            mapping = {key: str(id) for key, id in written.items() if key.startswith(begin)}
            self.remap({key.removeprefix(begin): id for key, id in mapping.items()})

    def knobs(self, id: str) -> list[Knob]:
        """Those that move a control."""
        return [knob for knob, mapped in self._mapped.items() if mapped.control.id == id]

    # --- as every input

    def commands(self) -> Iterable[Command]:
        touches, clock = self._heard.take()
        commands: list[Command] = []
        if self._settings.clock:
            for said in clock:
                self._clock.hear(said)
            now = self._now()
            pulse = self._clock.at(now)
            if pulse and now - self._pulsed >= PULSE_S:
                self._pulsed = now
                commands.append(("beat.clock", pulse))
        if self._learning_until is not None:
            self._learn_from(touches)
            return commands
        values = self._controls.values
        for knob, touch in touches.items():
            if (mapped := self._mapped.get(knob)) is not None:
                id = self._changed = mapped.control.id
                commands += [(id, value) for value in mapped.follow(touch, values.get(id))]
                if mapped.waits and not touch.is_gone:
                    self._hint(mapped)
        return commands

    def has_news(self) -> bool:
        """Whether a knob was touched since the last call of `commands`."""
        return self._heard.is_touched

    def obey(self, commands: Iterable[Command]) -> None:
        """Look at everything that was asked for in this frame: what is learned is moved there."""
        if self._learning_until is not None and self._now() > self._learning_until:
            self._learning_until = None
            self._notices.append("no knob was moved: nothing is learned")
        for id, value in commands:
            if id == "midi.learn":
                self._toggle()
            elif id == "midi.forget":
                self._forget()
            elif id == "midi.undo":
                self._undo()
            elif learnable(self._controls.get(id)) and not isinstance(value, Stroke):
                if self._learning_until is not None:
                    self._target = id
                    self._learning_until = self._now() + LEARN_S
                elif id not in PASSED:
                    self._changed = id

    def tell(self, values: Mapping[str, Value]) -> None:
        if self._cables.plugged != self._plugged:  # who comes in knows nothing
            self._plugged = self._cables.plugged
            for mapped in self._mapped.values():
                mapped.shown = None
        messages = []
        for knob, mapped in self._mapped.items():
            if (value := values.get(mapped.control.id)) is not None:
                mapped.heed(value)
                lamp = mapped.lamp(value)
                if lamp is not None and lamp != mapped.shown:
                    status = 0xB0 if knob.kind == "cc" else 0x90
                    messages.append(bytes([status + knob.channel - 1, knob.number, lamp]))
                    mapped.shown = lamp
        if messages:
            self._cables.send(messages)

    def notices(self) -> list[str]:
        if not self._is_told and self._cables.trouble:
            self._is_told = True
            self._notices.append(f"no MIDI: {self._cables.trouble}")
        lines, self._notices = [*self._cables.notices(), *self._notices], []
        return lines

    def close(self) -> None:
        self._cables.close()

    # --- learning

    @property
    def learning(self) -> str:
        """What to do while a knob is learned; "" else."""
        if self._learning_until is None:
            return ""
        control = self._controls.get(self._target)
        if control is None:
            return "learn: change a control, then move its knob (Z: leave it)"
        return f"learn {control.id}: move its knob, or change another control (Z: leave it)"

    def _toggle(self) -> None:
        if self._learning_until is not None:
            self._learning_until = None
            self._notices.append("nothing is learned")
        elif self._cables.trouble:
            self._notices.append(f"no MIDI: {self._cables.trouble}")
        elif not self._cables.is_plugged:
            self._notices.append("no MIDI: no controller is plugged in")
        else:
            self._target = self._changed
            self._learning_until = self._now() + LEARN_S

    def _learn_from(self, touches: Mapping[Knob, Touch]) -> None:
        control = self._controls.get(self._target)
        moved = [k for k, touch in touches.items() if k.kind == "cc" or touch.presses]
        if control is None or not moved:
            return
        knob = moved[-1]
        before = self._mapped.get(knob)
        line = f"{knob} is {control.id}"
        if before is not None and before.control.id != control.id:
            line += f", and no longer {before.control.id}: U undoes it"
        self._notices.append(line)
        self._keep({knob: control.id})
        self._mapped[knob].place(touches[knob])
        self._changed = control.id
        self._learning_until = None

    def _forget(self) -> None:
        """Take the knobs from what was changed last."""
        if knobs := self.knobs(self._changed):
            self._learning_until = None
            self._notices.append(f"{_and(knobs)} no longer {self._changed}: U undoes it")
            self._keep(dict.fromkeys(knobs, ""))
        else:
            why = f"no knob moves {self._changed}" if self._changed else "nothing was changed yet"
            self._notices.append(f"{why}: move the knob that is to be free")

    def _undo(self) -> None:
        """As before what was learned or taken last."""
        if not self._lost:
            self._notices.append("no knob was learned or taken")
            return
        back = self._lost.pop()
        self._keep(back, is_back=True)
        said = [f"{knob} is {id or 'free'} again" for knob, id in back.items()]
        self._notices.append(f"undone: {', '.join(said)}")

    def _keep(self, ids: Mapping[Knob, str], is_back: bool = False) -> None:
        """Let these knobs move these controls, "" for none, from now on."""
        if not is_back:
            before = {knob: self._mapped.get(knob) for knob in ids}
            self._lost.append({k: each.control.id if each else "" for k, each in before.items()})
            self._history.keep("", ("midi.undo", True))
        for knob, id in ids.items():
            if control := self._controls.get(id):
                self._mapped[knob] = self._map(knob, control)
            else:
                self._mapped.pop(knob, None)
            if self._memory is not None:
                key = self._spelled.setdefault(knob, str(knob))
                self._memory.keep("midi.map", key, id or None, f"the knob {knob}")

    def _map(self, knob: Knob, control: Control) -> Mapped:
        return Mapped(knob, control, self._settings.pickup)

    def _hint(self, mapped: Mapped) -> None:
        """Say why a knob that is turned does nothing yet."""
        if self._now() - self._hinted >= HINT_S:
            self._hinted = self._now()
            way = mapped.further(self._controls[mapped.control.id])
            self._notices.append(
                f"{mapped.control.id} is elsewhere: turn {mapped.knob} {way} until it leads"
            )


def _and(knobs: Iterable[Knob]) -> str:
    """Them, as the subject of a line."""
    names = [str(knob) for knob in knobs]
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
