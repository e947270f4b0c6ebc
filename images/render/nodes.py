"""A short way to write Cycles materials: one `Shader` per material, one call per node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

Colour = Sequence[float]


def srgb(code: str) -> tuple[float, float, float, float]:
    """Linear RGBA of a colour such as `"c8102e"`, the way people pick it on a screen."""
    values = [int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return linear[0], linear[1], linear[2], 1.0


class Shader:
    """A material under construction, with a Principled BSDF at its end."""

    def __init__(self, name: str, **inputs: Any) -> None:
        """Start a material.

        Args:
            name: Name of the material.
            **inputs: Values or sockets for the BSDF, spaces written as underscores
                (`Base_Color=...`, `Roughness=0.4`).
        """
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.bsdf = self.tree.nodes["Principled BSDF"]
        self.surface(**inputs)

    def surface(self, **inputs: Any) -> None:
        """Set inputs of the BSDF."""
        for name, value in inputs.items():
            self._set(self.bsdf.inputs[name.replace("_", " ")], value)

    def add(self, kind: str, inputs: dict[Any, Any] | None = None, **settings: Any) -> Any:
        """A new `ShaderNode<kind>` with its settings, and its inputs set or linked."""
        node = self.tree.nodes.new("ShaderNode" + kind)
        for name, value in settings.items():
            setattr(node, name, value)
        for key, value in (inputs or {}).items():
            self._set(node.inputs[key], value)
        return node

    def _set(self, socket: Any, value: Any) -> None:
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def coordinates(self, kind: str = "Object") -> Any:
        """The texture coordinates of the point being shaded (`Object`, `UV`, `Generated`)."""
        return self.add("TexCoord").outputs[kind]

    def random(self) -> Any:
        """A number in [0, 1] that differs from object to object."""
        return self.add("ObjectInfo").outputs["Random"]

    def separate(self, vector: Any) -> tuple[Any, Any, Any]:
        """The three components of a vector."""
        node = self.add("SeparateXYZ", {0: vector})
        return node.outputs[0], node.outputs[1], node.outputs[2]

    def combine(self, x: Any, y: Any, z: Any) -> Any:
        """A vector of three components."""
        return self.add("CombineXYZ", {0: x, 1: y, 2: z}).outputs[0]

    def scaled(self, vector: Any, scale: Colour) -> Any:
        """A vector multiplied component by component."""
        return self.add("VectorMath", {0: vector, 1: scale}, operation="MULTIPLY").outputs[0]

    def math(self, operation: str, a: Any, b: Any = 0.0, clamp: bool = False) -> Any:
        """`a operation b`, for instance `math("MULTIPLY", a, b)`."""
        return self.add("Math", {0: a, 1: b}, operation=operation, use_clamp=clamp).outputs[0]

    def noise(self, vector: Any, scale: float, detail: float = 2, rough: float = 0.5) -> Any:
        """Perlin noise in about [0.2, 0.8]."""
        inputs = {"Vector": vector, "Scale": scale, "Detail": detail, "Roughness": rough}
        return self.add("TexNoise", inputs).outputs["Fac"]

    def cells(self, vector: Any, scale: float, feature: str = "F1") -> Any:
        """Distance to the nearest of randomly scattered points, in cells."""
        inputs = {"Vector": vector, "Scale": scale}
        return self.add("TexVoronoi", inputs, feature=feature).outputs["Distance"]

    def ramp(self, value: Any, *stops: tuple[float, Colour | float]) -> Any:
        """A colour that depends on `value` by `(position, colour or grey)` stops."""
        node = self.add("ValToRGB", {0: value})
        elements = node.color_ramp.elements
        while len(elements) < len(stops):
            elements.new(0.5)
        for element, (position, colour) in zip(elements, stops, strict=True):
            element.position = position
            element.color = (
                (colour, colour, colour, 1) if isinstance(colour, int | float) else colour
            )
        return node.outputs["Color"]

    def mix(self, factor: Any, a: Any, b: Any, blend: str = "MIX") -> Any:
        """Colour `a` at factor 0, `b` (blended) at factor 1."""
        node = self.add("MixRGB", {"Fac": factor, "Color1": a, "Color2": b}, blend_type=blend)
        return node.outputs[0]

    def bump(self, height: Any, strength: float, distance_m: float) -> None:
        """Let the surface look dented by `height`, `distance_m` deep; calls add up."""
        inputs = {"Height": height, "Strength": strength, "Distance": distance_m}
        before = self.bsdf.inputs["Normal"].links
        if before:
            inputs["Normal"] = before[0].from_socket
        self.surface(Normal=self.add("Bump", inputs).outputs[0])


def plain(name: str, colour: str, roughness: float = 0.5, **inputs: Any) -> bpy.types.Material:
    """A material of one colour."""
    shader = Shader(name, Base_Color=srgb(colour), Roughness=roughness, **inputs)
    return shader.material


def brushed_metal(colour: str, roughness: float = 0.25):
    """Metal with fine scratches in its gloss."""
    s = Shader("metal", Base_Color=srgb(colour), Metallic=1.0)
    place = s.coordinates()
    s.surface(
        Roughness=s.ramp(s.noise(place, 40, 5), (0.3, roughness * 0.7), (0.7, roughness * 1.5))
    )
    return s.material


def clear_glass() -> bpy.types.Material:
    """Window glass that lets light through straight and mirrors at grazing angles."""
    s = Shader("pane")
    # Light on its way out would meet total reflection, and the dial below would lie in the dark.
    shadow = s.add("LightPath").outputs["Is Shadow Ray"]
    straight = s.math("SUBTRACT", 1.0, shadow)
    fresnel = s.math("MULTIPLY", s.add("Fresnel", {"IOR": 1.45}).outputs[0], straight)
    clear = s.add("BsdfTransparent").outputs[0]
    mirror = s.add("BsdfGlossy", {"Roughness": 0.02}).outputs[0]
    both = s.add("MixShader", {0: fresnel, 1: clear, 2: mirror}).outputs[0]
    s.tree.links.new(both, s.tree.nodes["Material Output"].inputs["Surface"])
    return s.material
