"""A car put together: painted skin with glass and gaps, and the parts that sit on it."""

from __future__ import annotations

from car_maps import VIEW_M, Drawing, front_view, rear_view
from car_parts import fittings, lamps, running_gear
from car_shape import Shape, Skin, body_half, house_half, lid, mirrored
from mesh import add_object, grid, join_to
from nodes import Shader, srgb


def _projected(s: Shader, drawing: Drawing, name: str, across, up):
    """The three channels of a drawing seen along one axis."""
    width, height = VIEW_M[drawing.view]
    u = s.math("ADD", s.math("DIVIDE", across, width), 0.5)
    vector = s.combine(u, s.math("DIVIDE", up, height), 0.0)
    node = s.add(
        "TexImage",
        {"Vector": vector},
        image=drawing.image(name),
        extension="CLIP",
        interpolation="Cubic",
    )
    split = s.add("SeparateColor", {0: node.outputs["Color"]})
    return split.outputs[0], split.outputs[1], split.outputs[2]


def _sum(s: Shader, terms: list):
    total = terms[0]
    for term in terms[1:]:
        total = s.math("ADD", total, term, clamp=True)
    return total


def skin_material(colour: str, shape: Shape, side: Drawing):
    """Paint with clear coat; glass, trim and gaps where the drawings say; holes for the wheels."""
    s = Shader("car paint")
    x, y, z = s.separate(s.coordinates("Object"))
    # Which view a point belongs to follows from where its surface looks.
    nx, ny, _ = s.separate(s.coordinates("Normal"))
    sideways = s.math("ABSOLUTE", ny)
    is_side = s.math("GREATER_THAN", sideways, 0.60)
    is_front = s.math("MULTIPLY", s.math("SUBTRACT", 1.0, is_side), s.math("LESS_THAN", nx, -0.22))
    is_rear = s.math("MULTIPLY", s.math("SUBTRACT", 1.0, is_side), s.math("GREATER_THAN", nx, 0.22))
    views = [
        (is_side, _projected(s, side, "side", x, z)),
        (is_front, _projected(s, front_view(), "front", y, z)),
        (is_rear, _projected(s, rear_view(), "rear", y, z)),
    ]
    glass, trim, gap = (
        _sum(s, [s.math("MULTIPLY", on, c[k]) for on, c in views]) for k in range(3)
    )
    paint = s.mix(
        s.noise(s.coordinates(), 900, 1),
        srgb(colour),
        tuple(0.8 * c for c in srgb(colour)[:3]) + (1,),
    )
    tint = s.mix(trim, paint, srgb("0c0c0d"))
    tint = s.mix(glass, tint, srgb("07090a"))
    dark = s.math("MAXIMUM", trim, glass)
    tint = s.mix(s.math("MULTIPLY", gap, s.math("SUBTRACT", 1.0, dark)), tint, srgb("050505"))
    s.surface(
        Base_Color=tint,
        Metallic=s.math("MULTIPLY", 0.45, s.math("SUBTRACT", 1.0, dark)),
        Roughness=s.math(
            "SUBTRACT",
            s.math("ADD", 0.30, s.math("MULTIPLY", trim, 0.2)),
            s.math("MULTIPLY", glass, 0.47),
        ),
        Coat_Weight=s.math(
            "SUBTRACT", 1.0, s.math("MULTIPLY", s.math("SUBTRACT", dark, glass, clamp=True), 0.9)
        ),
        Coat_Roughness=0.02,
    )
    s.bump(gap, -0.8, 0.004)
    hole = None
    for wheel in shape.wheels:
        dx, dz = s.math("SUBTRACT", x, wheel), s.math("SUBTRACT", z, shape.wheel_radius + 0.01)
        far = s.math("SQRT", s.math("ADD", s.math("MULTIPLY", dx, dx), s.math("MULTIPLY", dz, dz)))
        here = s.math("LESS_THAN", far, shape.arch_radius)
        hole = here if hole is None else s.math("MAXIMUM", hole, here)
    clear = s.add("BsdfTransparent").outputs[0]
    both = s.add("MixShader", {0: hole, 1: s.bsdf.outputs[0], 2: clear}).outputs[0]
    s.tree.links.new(both, s.tree.nodes["Material Output"].inputs["Surface"])
    return s.material


def car(shape: Shape, colour: str, side: Drawing, plate: str = "DL 416"):
    """A complete car standing on z = 0, nose towards -x; everything moves with the result."""
    holder = add_object("car", None)
    paint = skin_material(colour, shape, side)
    lower, house = body_half(shape), house_half(shape)
    pieces = [
        grid("body", mirrored(lower), paint),
        grid("bonnet", lid(lower[-1], 0.045), paint, closed=False),
        grid("house", mirrored(house), paint),
        grid("roof", lid(house[-1], 0.03), paint, closed=False),
    ]
    skin = Skin(shape)
    pieces += running_gear(shape, skin) + lamps(skin, shape) + fittings(skin, colour, plate)
    return join_to(holder, *pieces)
