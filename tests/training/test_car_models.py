"""Car models of free games: reading, bending and painting them."""

from pathlib import Path

import numpy as np
import pytest
from training.car_models import CarModel, bent, read_models, read_torcs, triangulate
from training.car_paint import main_colour, repainted

STRIP = """AC3Db
MATERIAL "m" rgb 1 1 1 amb 1 1 1 emis 0 0 0 spec 0 0 0 shi 50 trans 0
OBJECT world
kids 2
OBJECT poly
name "BODY_s_0"
texture "small.rgb" base
numvert 4
-1 0 0.5
-1 1 0.5
1 0 0.5
1 1 0.5
numsurf 1
SURF 0x14
mat 0
refs 4
0 0.1 0.2
1 0.1 0.4
2 0.3 0.2
3 0.3 0.4
kids 0
OBJECT poly
name "REARWINGTOP_s_0"
numvert 3
0 5 0
1 5 0
1 5 1
numsurf 1
SURF 0x10
mat 0
refs 3
0 0 0
1 1 0
2 1 1
kids 0
"""
WHEEL = """<section name="{end} {side} Wheel">
<attnum name="ypos" unit="m" val="{y}"/>
<attnum name="rim diameter" unit="in" min="15" max="20" val="20"/>
<attnum name="tire width" unit="mm" val="200"/>
<attnum name="tire height-width ratio" val="0.5"/>
<attnum name="ride height" unit="mm" val="100"/>
</section>
"""


@pytest.fixture
def torcs(tmp_path: Path) -> Path:
    folder = tmp_path / "torcs" / "small"
    folder.mkdir(parents=True)
    (folder / "small.acc").write_text(STRIP)
    ends = {"Front": 0.7, "Rear": -0.7}
    text = "".join(
        f'<section name="{end} Axle"><attnum name="xpos" val="{x}"/></section>\n'
        + WHEEL.format(end=end, side="Right", y=-0.4)
        + WHEEL.format(end=end, side="Left", y=0.4)
        for end, x in ends.items()
    )
    (folder / "small.xml").write_text(text)
    return folder.parent


@pytest.fixture
def rally(tmp_path: Path) -> Path:
    folder = tmp_path / "rally" / "fast"
    folder.mkdir(parents=True)
    (folder / "fast.vehicle").write_text(
        '<genparams wheelmodel="w.obj" wheelscale="9" />\n'
        '<part name="body"\n model="fast.obj"\n scale="0.01">\n'
        '<wheel drive="1.0" pos="0.5, 1.0, -0.1" radius="0.3" force="1" />\n'
    )
    (folder / "fast.obj").write_text(
        "v -50 -100 20\nv 50 -100 20\nv 50 100 20\nv -50 100 60\n"
        "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1/1 2/2/1 3/3/1 4/4/1\n"
    )
    return folder.parent


def test_triangulate_strip_keeps_one_side_outside() -> None:
    points = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]

    a, b = triangulate(points, strip=True)

    def turn(triangle: list[list[float]]) -> float:
        return float(np.linalg.det(np.c_[triangle, np.ones(3)]))

    assert turn(a) * turn(b) > 0


def test_triangulate_polygon_gives_a_fan() -> None:
    points = [[0.0], [1.0], [2.0], [3.0]]

    assert list(triangulate(points, strip=False)) == [[[0], [1], [2]], [[0], [2], [3]]]


def test_read_torcs_stands_on_its_wheels_without_its_wing(torcs: Path) -> None:
    model = read_torcs(torcs / "small")

    assert model.triangles.shape == (2, 3)
    np.testing.assert_allclose(model.vertices.min(axis=0), [-1, -0.5, 0.1])
    np.testing.assert_allclose(model.vertices.max(axis=0), [1, -0.5, 1.1])
    assert model.uv.min() == 0.1
    assert len(model.wheels) == 4
    np.testing.assert_allclose(model.wheels[0], (0.7, -0.4, 0.354, 0.2))


def test_read_torcs_without_a_measure_raises(torcs: Path) -> None:
    file = torcs / "small" / "small.xml"
    file.write_text(file.read_text().replace("tire width", "tyre width"))

    with pytest.raises(ValueError, match=r"must give `tire width` of `Front Right Wheel`"):
        read_torcs(torcs / "small")


def test_read_models_finds_those_of_both_games(torcs: Path, rally: Path) -> None:
    models = read_models(torcs, rally)

    assert [model.name for model in models] == ["small", "fast"]
    fast = models[1]
    assert fast.triangles.shape == (2, 3)
    assert np.ptp(fast.vertices[:, 0]) == pytest.approx(2 * 1.14)
    np.testing.assert_allclose(fast.wheels, [(1.14, -0.57, 0.342, 0.2)])


def test_bent_stays_on_the_ground_and_keeps_its_wheels_inside(torcs: Path) -> None:
    rng = np.random.default_rng(1)
    model = read_torcs(torcs / "small")

    for _ in range(30):
        other: CarModel = bent(rng, model)

        assert other.vertices.shape == model.vertices.shape
        assert 0 < other.vertices[:, 2].min() < 0.13
        low, high = other.vertices[:, 0].min(), other.vertices[:, 0].max()
        assert all(low < x < high for x, *_ in other.wheels)


@pytest.fixture
def texture() -> np.ndarray:
    """Blue paint, a dark and a see-through window, a red lamp, of 40 pixels."""
    pixels = np.ones((40, 40, 4), np.float32)
    pixels[..., :3] = (0.1, 0.2, 0.9)
    pixels[:20, :20, :3] = 0.1
    pixels[:20, 20:, 3] = 0.3
    pixels[20:40, :20, :3] = (0.9, 0.1, 0.1)
    return pixels


def test_main_colour_is_that_of_the_places_in_use(texture: np.ndarray) -> None:
    blue, red = np.full((5, 2), 0.9), np.array([[0.2, 0.9]])

    np.testing.assert_allclose(main_colour(texture, blue), [0.1, 0.2, 0.9], atol=0.07)
    np.testing.assert_allclose(main_colour(texture, red), [0.9, 0.1, 0.1], atol=0.07)


def test_repainted_changes_the_paint_and_leaves_lamp_and_glass(texture: np.ndarray) -> None:
    changed = repainted(np.random.default_rng(0), texture, np.full((5, 2), 0.9))

    assert np.abs(changed[30, 30, :3] - texture[30, 30, :3]).max() > 0.1
    np.testing.assert_allclose(changed[30, 5, :3], texture[30, 5, :3])
    assert changed[5, 5, :3].max() < 0.1
    assert changed[5, 30, :3].max() < 0.1
    assert (changed[..., 3] == 1).all()
