"""Effects: what they do to a field, at any frame rate and of any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import Stage, picture, shape

from visualiser.controls import Value
from visualiser.look.effects import effects
from visualiser.look.effects.base import Effect
from visualiser.look.field import Field, field_of

EFFECTS = tuple(effects())
KINDS = ("distance", "grey", "colour")


def values(effect: type[Effect], **given: Value) -> dict[str, Value]:
    return {control.name: control.default for control in effect.declared()} | given


def apply(name: str, field: Field, **given: Value) -> np.ndarray:
    kind = effects()[name]
    return kind().apply(field, values(kind, **given)).values


def test_every_effect_has_a_switch_and_a_key() -> None:
    assert {"trails", "mirror", "kaleidoscope"} <= set(EFFECTS)
    for effect in effects().values():
        switch, *rest = effect.declared()
        assert switch.id == f"{effect.name}.on" and switch.default is False and switch.keys
        assert all(control.section == effect.name for control in rest)


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_effect_changes_the_picture(name: str, kind: str) -> None:
    canvases = []
    for on in (False, True):
        stage = Stage((128, 96), kind, **{f"{name}__on": on})
        for i in range(20):
            image = np.roll(picture(kind), i, axis=1)
            stage.draw(image, 1 / 20)
        canvases.append(stage.seen().astype(int))
    assert np.abs(canvases[0] - canvases[1]).max() > 40


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_effect_goes_by_the_time_and_not_by_the_frames(name: str, kind: str) -> None:
    ends = []
    for fps in (30, 60, 120):
        effect = effects()[name]()
        for i in range(fps + 1):
            image = picture(kind) * np.float32(1 + 0.3 * np.sin(4 * i / fps))
            effect.advance(1 / fps if i else 0.0, values(effects()[name]))
            field = effect.apply(field_of(image, kind), values(effects()[name]))
        ends.append(field.values)
    for end in ends[:2]:
        assert np.abs(end - ends[2]).max() < 0.004


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(EFFECTS),
    shapes=st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(1, 70), st.integers(1, 70)),
        min_size=1,
        max_size=4,
    ),
    aspect=st.floats(0.3, 3),
    data=st.data(),
)
def test_any_field_at_any_setting_stays_one(
    name: str, shapes: list, aspect: float, data: st.DataObject
) -> None:
    """Also where the next field is of another kind or size: another model, or another window."""
    kind = effects()[name]
    given = {
        c.name: data.draw(st.floats(c.lo, c.hi) if c.kind == "number" else st.booleans(), c.id)
        for c in kind.declared()
    }
    effect, rng = kind(), np.random.default_rng(1)
    for pictures, h, w in shapes:
        image = rng.random((h, w, 3) if pictures == "colour" else (h, w), np.float32)
        for _ in range(3):
            effect.advance(0.1, given)
            field = field_of(image, pictures, aspect)
            changed = effect.apply(field, given)
            assert changed.values.shape == field.values.shape
            assert (changed.kind, changed.pitch) == (field.kind, field.pitch)
            assert np.isfinite(changed.values).all()
            if pictures != "distance":
                assert changed.values.min() >= 0 and changed.values.max() <= 1.0001


@pytest.mark.parametrize("kind", KINDS)
def test_a_mirror_makes_both_sides_alike(kind: str) -> None:
    field = field_of(np.roll(picture(kind), 9, axis=1), kind)
    halves = apply("mirror", field)
    np.testing.assert_allclose(halves, halves[:, ::-1], atol=1e-5)
    assert not np.allclose(halves, halves[::-1], atol=1e-2)
    quarters = apply("mirror", field, quarters=True)
    np.testing.assert_allclose(quarters, quarters[::-1], atol=1e-5)


def test_a_kaleidoscope_has_as_many_wedges_as_it_is_told_and_keeps_distances() -> None:
    field = field_of(shape("star"), "distance")
    seen = field.with_values(apply("kaleidoscope", field, wedges=5.0))
    x, y = seen.places()
    angle = 2 * np.pi / 5
    turned = seen.sample(
        x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    )
    near = np.hypot(x, y) < 0.45
    assert np.abs(turned - seen.values)[near].max() < 0.02
    slope = np.hypot(*np.gradient(seen.values, 1 / 64))[near]
    assert 0.9 < np.median(slope) < 1.05


def test_trails_keep_the_past_and_let_it_go() -> None:
    """A disk that jumps to the right is still seen on the left, less and less."""
    value = values(effects()["trails"], zoom=1.0, turn=0.0, melt=0.1)
    effect = effects()["trails"]()
    disk = shape("circle", radius=0.2)
    left, right = np.roll(disk, -12, axis=1), np.roll(disk, 12, axis=1)
    areas = []
    for i in range(300):
        effect.advance(1 / 60, value)
        field = effect.apply(field_of(left if i < 100 else right, "distance"), value)
        areas.append(int((field.values[:, :24] < 0).sum()))
    assert areas[110] > 0.7 * areas[0] and areas[110] > areas[150] > areas[200]
    assert areas[-1] == 0


def test_trails_of_a_large_picture_cost_as_little_as_of_a_small_one() -> None:
    effect, value = effects()["trails"](), values(effects()["trails"])
    for _ in range(8):
        effect.advance(0.3, value)
        field = effect.apply(
            Field("colour", np.ones((600, 900, 3), np.float32), (1 / 600,) * 2), value
        )
    assert field.values.shape == (600, 900, 3)
    assert max(past.values.size for past in effect._past) < 128 * 128 * 3
