"""The JSON of requests and answers, as pydantic models."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from detectlab.vision.detections import Detections

# A 32 x 32 PNG of one colour: small enough to read, and a picture that is really answered.
EXAMPLE_IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAK0lEQVRIx+3NQQEAQAQAMC6XJBKLdSX4bQWW0xWXXh"
    "wTCAQCgUAgEAgEWz4ivgGeKNrMiQAAAABJRU5ErkJggg=="
)
EXAMPLE_OBJECT: JsonDict = {
    "x_min": 62,
    "y_min": 40,
    "x_max": 241,
    "y_max": 220,
    "class_name": "apple",
    "confidence": 0.872,
}
_RESULT: JsonDict = {"detections": [EXAMPLE_OBJECT], "time": 0.031, "model": "nano"}


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Detection(BaseModel):
    """One object: its box in whole pixels of the picture, its class, the detector's confidence."""

    x_min: int = Field(description="Left edge. A box may reach a little beyond the picture.")
    y_min: int = Field(description="Upper edge; y grows downwards.")
    x_max: int = Field(description="Right edge.")
    y_max: int = Field(description="Lower edge.")
    class_name: str = Field(description="What the detector takes it for.")
    confidence: float = Field(ge=0, le=1, description="How sure it is, to 3 decimals.")


class Result(BaseModel):
    """The objects in one picture, most confident first."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RESULT]})

    detections: list[Detection]
    time: float = Field(ge=0, description="Seconds that the detector took.")
    model: str = Field(description="The detector that answered.")

    @classmethod
    def of(cls, detections: Detections, seconds: float, model: str) -> Self:
        """The result of a detection.

        Args:
            detections: The objects.
            seconds: Time that the detector took.
            model: The detector's name.
        """
        found = [
            Detection(
                x_min=x_min,
                y_min=y_min,
                x_max=x_max,
                y_max=y_max,
                class_name=label,
                confidence=round(confidence, 3),
            )
            for (x_min, y_min, x_max, y_max), label, confidence in detections
        ]
        return cls(detections=found, time=round(seconds, 6), model=model)


class Question(BaseModel):
    """A picture as base64, and what is asked about it: the JSON form of a request."""

    model: str | None = Field(default=None, description="The detector; by default the server's.")
    image: str = Field(
        description="The bytes of a picture file, encoded with base64.",
        json_schema_extra={"format": "base64-picture"},
    )
    confidence: Share = Field(default=0.5, strict=True, description="Only objects above this.")
    nms_threshold: Share = Field(
        default=0.3,
        strict=True,
        description="Of two boxes that overlap more than this, the more confident one stays.",
    )


class Error(BaseModel):
    """Why there is no answer, and what to do."""

    detail: str


class FileError(Error):
    """Why one file of a batch has no result."""

    detail: str = Field(examples=["This is a PDF document, not a picture in JPEG, PNG, ..."])
    status: int = Field(
        description="The status that the file alone would have got.", examples=[415]
    )


class Count(BaseModel):
    """How many objects of a class are in a picture."""

    model: str = Field(examples=["nano"])
    class_name: str = Field(examples=["apple"])
    count: int = Field(ge=0, examples=[3])


class Int8(BaseModel):
    """What was measured of a detector in int8, on pictures that it was not calibrated on."""

    pictures: int = Field(description="Number of pictures.")
    objects: int = Field(description="Objects that float32 finds in them.")
    kept: float = Field(ge=0, le=1, description="Share of the objects that both find.")
    ap50: tuple[float, float] | None = Field(
        description="Mean AP50 of float32 and of int8, where the pictures had labels."
    )
    ms: tuple[float, float] = Field(
        description="Milliseconds of the network in float32 and in int8."
    )
    processor: str = Field(description="What it was measured on.")


class Card(BaseModel):
    """What is known about a detector."""

    name: str = Field(examples=["nano"])
    description: str
    family: str = Field(description="How the network's output is read.", examples=["yolov3"])
    input_size: int = Field(description="Width of its input, in pixels.", examples=[320])
    input_height: int | None = Field(description="Its height, where it is no square.")
    classes: list[str] = Field(description="What it can find.", examples=[["apple", "orange"]])
    licence: str = Field(description="Licence of its weights.")
    licence_url: str
    size_bytes: int | None = Field(description="Size of its files, where that is known.")
    available: bool = Field(description="Whether this server has its files.")
    loaded: bool = Field(description="Whether it is in memory now.")
    precision: str = Field(
        description="What this server computes it in.", examples=["float32", "int8"]
    )
    int8: Int8 | None = Field(description="What int8 costs and gains, where it is calibrated.")
