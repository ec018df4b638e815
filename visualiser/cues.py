"""Cues: states of the show that are stored on slots and come back, at once or slowly."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from visualiser.controls import Command, Controls, Nudge, Pulse, Stroke, Swap, Value
from visualiser.cue_controls import kept, slot_in
from visualiser.cue_files import SLOTS, Cue
from visualiser.cue_folder import CueFolder, Found, missing
from visualiser.cue_undo import Changed, Recalled
from visualiser.morph import Morph
from visualiser.set_list import SetList
from visualiser.types import Features, FloatArray, Tick, UserError
from visualiser.undo import MOST, History

UNDO_S = 1.0  # at most, to go back to where it was before a recall
LEAVING = ("show.model", "show.drop", "show.mode")  # by hand: the point is not the cue's any more


class Moved(Protocol):
    """What moves the point: show.Mover."""

    def point(self) -> FloatArray: ...
    def depart(self, point: FloatArray) -> None: ...


@dataclass(frozen=True)
class View:
    """What can be seen of the cues. slots: what is on them; current: the slot that came last;
    coming: what the set list plays next; share: of the way to the current one, 1 once it is there;
    set_list: what that does, in words."""

    slots: Mapping[int, Cue] = field(default_factory=dict)
    current: int | None = None
    coming: int | None = None
    share: float = 1.0
    set_list: str = ""


class Cues:
    """folder: where cues are kept; None is in memory alone. waits: at the start, until all are
    read, and then looks no more, as rendering wants it; else no frame ever waits.

    found: what was found in the folder at the last tick, before its commands, or None; history:
    told of every step that can be undone, the show's own where there is one; hands: gives the
    commands that hold directions as they are held now; held: those of what begins to come.
    """

    def __init__(self, controls: Controls, folder: Path | None = None, waits: bool = False) -> None:
        self.slots: dict[int, Cue] = {}
        self.set_list = SetList(controls)
        self._controls = controls
        self._kept = kept(controls)
        self.found: Found | None = None
        self._folder = None
        if folder is not None:
            self._folder = CueFolder(folder, controls, self._kept, waits)
        self._broken: Mapping[int, str] = {}
        self._undo: deque[Changed | Recalled] = deque(maxlen=MOST)
        self.history = History()
        self.hands: Callable[[], list[Command]] = list
        self.held: tuple[Command, ...] = ()
        self._current: int | None = None
        self._cleared: int | None = None
        self._morph: Morph | None = None
        self._goal: Morph | None = None  # the same, as far as the point goes, and while it stays
        self._here: FloatArray | None = None  # where the point was last
        self._leave: FloatArray | None = None  # where it is to go on from
        self._bpm = 0.0
        self._lines: list[str] = []

    def obey(self, tick: Tick, features: Features, commands: Iterable[Command]) -> bool:
        """Carry out commands about cues, and move all that is on its way to one. The controls have
        obeyed the others already. Returns whether a cue begins to come."""
        before = self._goal
        self._bpm = features.bpm
        self.found = None
        if self._folder is not None and (found := self._folder.poll(tick.dt)):
            if found.cues or found.steps is not None or found.broken != self._broken:
                self.found = found
            self.take(found)
        if self.set_list.is_time(self.set_list.order(self.slots), tick.dt, features):
            self._play_next(1, by_hand=False)
        for id, value in commands:
            if self._morph is not None:
                self._morph.let_go(id)
            if id in LEAVING:
                self._goal = None
            control = self._controls.get(id)
            if control is not None and control.kind == "action" and control.section == "cues":
                self._do(control.name, value)
        if self._morph is not None:
            for command in self._morph.advance(tick.dt):
                self._controls.apply(command)
            if self._morph.is_done:
                self._morph = None
        return self._goal is not None and self._goal is not before

    def lead(self, mover: Moved, n_directions: int) -> FloatArray:
        """Where the point is now, (n_directions,): once a tick, after the mover has moved on."""
        own = mover.point()
        if own.shape != (n_directions,):
            return own
        if self._leave is not None and self._leave.shape == own.shape:
            mover.depart(self._leave)
            own = mover.point()
        self._leave = None
        goal = self._goal
        if goal is not None and self._controls["show.model"] != goal.cue.model:
            goal = self._goal = None  # its model could not be read, which has been said
        if goal is not None and goal.cue.point.shape != own.shape:
            self._lines.append(
                f"{goal.cue.model} has {n_directions} directions, and this cue was stored with"
                f" {len(goal.cue.point)}: its point is left out"
            )
            goal = self._goal = None
        if goal is not None:
            own = goal.place(own)
            if goal.is_done and not self._controls["cues.stay"]:
                mover.depart(own)
                self._goal = None
        self._here = own
        return own

    def see(self, point: FloatArray) -> None:
        """Where it is seen, (n_directions,), after `lead`: hands may hold it elsewhere."""
        self._here = point

    @property
    def fade_s(self) -> float | None:
        """How long another model's picture takes to fade away; None: as look.model_fade says."""
        return None if self._morph is None else self._morph.seconds

    def state(self, name: str = "") -> Cue | None:
        """What is played now, None before the first picture."""
        if self._here is None:
            return None
        values = {id: self._controls[id] for id in self._kept}
        if self._morph is not None:
            values |= self._morph.fades
        model = str(self._controls["show.model"])
        driver, palette = values["show.driver"], values.get("look.palette")
        name = name or f"{model}, {palette or driver}"
        return Cue(name[:60], model, self._here.copy(), values)

    @property
    def view(self) -> View:
        order = self.set_list.order(self.slots)
        beside = self.set_list.beside(order, 1)
        at, words = self.set_list.at, ""
        if self.set_list.is_on and order:
            step = f"step {min((at or 0) + 1, len(order))} of {len(order)}"
            words = f"{step}, {self.set_list.left(order, self._bpm)}"
        return View(
            self.slots,
            self._current,
            order[beside].cue if beside is not None else None,
            self._morph.share if self._morph is not None else 1.0,
            words,
        )

    def notices(self) -> list[str]:
        """Lines for the person on stage, since the last call."""
        lines, self._lines = self._lines, []
        return lines + (self._folder.notices() if self._folder is not None else [])

    def close(self) -> None:
        """Wait until all is written."""
        if self._folder is not None:
            self._folder.close()

    # --- commands

    def _do(self, name: str, value: Value | Nudge | Swap | Stroke | Pulse) -> None:
        is_press = isinstance(value, Nudge) or value is True
        slot = slot_in(value)
        if not is_press and slot is None:
            return  # a key or a pad that comes up, or no slot
        if name.startswith("recall_"):
            self.recall(int(name.removeprefix("recall_")))
        elif name == "recall":
            self.recall(slot or self._current or 1)
        elif name == "store":
            self.store(slot or self._free())
        elif name == "clear":
            self.clear(slot or self._current)
        elif name == "next":
            self._play_next(1)
        elif name == "previous":
            self._play_next(-1)
        elif name == "undo":
            self.undo()
        elif name == "go":
            self.go()

    def read(self) -> Cues:
        """All that is stored, at once; from then on nothing is looked for, and nothing written:
        what is rendered is a film, and no cues."""
        if self._folder is not None:
            if found := self._folder.poll(0.0):
                self.take(found)
            self._folder.close()
            self._folder = None
        return self

    def want(self, slots: Mapping[int, str]) -> None:
        """UserError, a line for each of them that is not there, or why it cannot be used. slots:
        and who asks for them."""
        if lines := missing(slots, self.slots.keys(), self._broken):
            raise UserError("\n".join(lines))

    def begin(self, slot: int | None = None, at_point: bool = True) -> None:
        """Before the first tick: be at a cue already, with its values; without a slot at the first
        of the set list. at_point: and where its point is. UserError where that is not there."""
        order = self.set_list.order(self.slots)
        if slot is None and not order:
            raise UserError("\n".join([*self.notices(), self._no_list()]))
        at = 0 if slot is None else self.set_list.find(order, slot)
        slot = order[0].cue if slot is None else slot
        self.want({slot: ""})
        self.set_list.begin(at)
        cue = self.slots[slot]
        for command in (("show.model", cue.model), *cue.controls.items()):
            self._controls.apply(command)
        if at_point:
            self._go_to(slot, cue, 0.0)

    def _no_list(self) -> str:
        return f"there is no set list: no cue {'of it ' * bool(self.slots)}is stored"

    def recall(self, slot: int) -> None:
        """Go to what is on a slot."""
        if slot not in self.slots:
            self._lines.append(f"there is no cue {slot}: insert stores what is seen")
            return
        self._remember_state()
        at = self.set_list.find(self.set_list.order(self.slots), slot)
        self.set_list.begin(self.set_list.at if at is None else at)
        self._go_to(slot, self.slots[slot], self._controls.number("cues.time"))

    def store(self, slot: int | None) -> None:
        """Put what is seen on a slot. What was there can be had back, and its file is kept."""
        cue = self.state()
        if slot is None:
            self._lines.append(f"nothing is stored: all {SLOTS} cues are taken, delete clears one")
        elif cue is None:
            self._lines.append("nothing is stored: nothing has been played yet")
        else:
            before = self.slots.get(slot)
            self._can_undo(Changed({slot: before}, self._current))
            if before is not None:
                cue = replace(cue, name=before.name)
            self._current = slot
            self._put(slot, cue)
            is_over = f", over {before.name!r}: u undoes it" if before is not None else ""
            self._lines.append(f"stored cue {slot}{is_over}")

    def clear(self, slot: int | None) -> None:
        """Take what is on a slot away. It can be had back, and its file is kept."""
        if slot is None or slot not in self.slots:
            which = "no cue has come yet" if slot is None else f"there is no cue {slot}"
            self._lines.append(f"nothing is cleared: {which}")
            return
        self._can_undo(Changed({slot: self.slots[slot]}, self._current))
        self._put(slot, None)
        self._lines.append(f"cleared cue {slot}: u undoes it")

    def _can_undo(self, step: Changed | Recalled) -> None:
        self._undo.append(step)
        self.history.keep("", ("cues.undo", True))

    def undo(self) -> None:
        """Take back what was stored, cleared, recalled or found changed last."""
        if not self._undo:
            self._lines.append("there is nothing to undo")
            return
        last = self._undo.pop()
        if isinstance(last, Recalled):
            self.set_list.return_to(last.place)
            self._go_to(last.slot, last.state, min(UNDO_S, self._controls.number("cues.time")))
            self.held = last.hands
        else:
            for slot, cue in last.cues.items():
                self._put(slot, cue)
            if last.steps is not None:
                self.set_list.steps = last.steps
                if self._folder is not None:
                    self._folder.keep_steps(last.steps)
            if self._current is None and last.current in self.slots:
                self._current = last.current
            self._find_step()
        self._lines.append(f"undone: {last}")

    def go(self) -> None:
        """Let the set list play from where it is, or stop it; what is seen goes on."""
        order = self.set_list.order(self.slots)
        if self.set_list.is_on:
            self.set_list.is_on = False
            self._lines.append("the set list stops here")
        elif not order:
            self._lines.append("there is no set list yet: insert stores the first cue")
        else:
            if self.set_list.at is None or self.set_list.beside(order, 1) is None:
                self._remember_state()
                self.set_list.at = None
                self._play_next(1, by_hand=False)
            else:
                self.set_list.begin(self.set_list.at)
            self.set_list.is_on = True

    def _play_next(self, way: int, by_hand: bool = True) -> None:
        """The next step of the set list, or the one before (way -1)."""
        order = self.set_list.order(self.slots)
        at = self.set_list.beside(order, way)
        if at is None:
            end = "last" if way > 0 else "first"
            said = f"this was the {end} cue" if order else "there is no cue yet: insert stores one"
            self._lines.append(said)
            self.set_list.is_on = self.set_list.is_on and by_hand
            return
        if by_hand:
            self._remember_state()
        step = order[at]
        self.set_list.begin(at)
        seconds = self._controls.number("cues.time") if step.time is None else step.time
        self._go_to(step.cue, self.slots[step.cue], seconds)

    # --- what they do

    def _go_to(self, slot: int | None, cue: Cue, seconds: float) -> None:
        self._current, self.held = slot, ()
        if self._goal is not None:
            self._leave = self._here  # in the middle of a way, or where it stayed: on from there
        value = self._controls
        easing, path = str(value["cues.easing"]), str(value["cues.path"])
        morph = Morph(cue, value, seconds, easing, path)
        if self._morph is not None:
            morph.fades = self._morph.fades | morph.fades
        self._morph = self._goal = morph

    def _remember_state(self) -> None:
        if (state := self.state()) is not None:
            place, hands = self.set_list.place, tuple(self.hands())
            self._can_undo(Recalled(state, self._current, place, hands))

    def _put(self, slot: int, cue: Cue | None) -> None:
        self._cleared = slot if cue is None else None
        if cue is None:
            self._take_away(slot)
            self._current = None if self._current == slot else self._current
        else:
            self.slots[slot] = cue
        self._find_step()
        if self._folder is not None:
            self._folder.keep(slot, cue)

    def _take_away(self, slot: int) -> None:
        self.set_list.lose(self.set_list.order(self.slots), slot)
        self.slots.pop(slot, None)

    def _find_step(self) -> None:
        """Where the set list is now that it has changed."""
        if self._current is not None:
            at = self.set_list.find(self.set_list.order(self.slots), self._current)
            if at is not None:
                self.set_list.at, self.set_list.is_gone = at, False

    def take(self, found: Found) -> None:
        """What was changed by hand, in the folder. What that takes away can be had back."""
        lost = {slot: self.slots[slot] for slot in found.cues if slot in self.slots}
        steps = self.set_list.steps if found.steps is not None else ()
        if lost or (steps and steps != found.steps):
            self._can_undo(Changed(lost, self._current, steps or None))
        for slot, cue in found.cues.items():
            if cue is not None:
                self.slots[slot] = cue
            else:
                self._take_away(slot)
        if found.steps is not None:
            self.set_list.steps = found.steps
        if found.cues or found.steps is not None:
            self._find_step()
        asked = {step.cue for step in found.steps or ()}
        for slot in sorted(asked - self.slots.keys() - found.broken.keys()):
            self._lines.append(f"the set list asks for cue {slot}, which is not there")
        self._broken = found.broken
        self._lines += found.lines

    def _free(self) -> int | None:
        """The slot to store on next: the one that was just cleared, else the first free one. Whose
        file cannot be used is not free."""
        if self._cleared is not None:
            return self._cleared
        taken = self.slots.keys() | self._broken.keys()
        return next((slot for slot in range(1, SLOTS + 1) if slot not in taken), None)
