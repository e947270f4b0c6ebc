"""What is known about a detector and its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from detectlab.vision.fitting import Fitting


@dataclass(frozen=True)
class WeightsFile:
    """One published file.

    Attributes:
        name: File name under which it was published, in the cache and in mirrors.
        sha256: Checksum of the content in lower-case hexadecimal digits, or `None` for a file
            that ships inside the package and is never downloaded.
        size: Length in bytes, or `None` where no trustworthy source states it.
        urls: Places to download it from, best first.
    """

    name: str
    sha256: str | None = None
    size: int | None = None
    urls: tuple[str, ...] = ()


def published(name: str, sha256: str, size: int | None, *folders: str) -> WeightsFile:
    """A file that was published in several folders on the web, under the same name.

    Args:
        name: File name.
        sha256: Checksum of the content in lower-case hexadecimal digits.
        size: Length in bytes, or `None` where no trustworthy source states it.
        folders: Addresses of the folders, best first, each with a slash at its end.
    """
    return WeightsFile(name, sha256, size, tuple(folder + name for folder in folders))


@dataclass(frozen=True)
class ModelCard:
    """What is known about one detector.

    Attributes:
        name: The name that users type.
        config: Darknet configuration; `None` for an ONNX file.
        weights: Darknet weights, or an ONNX file.
        labels: One class name a line; never downloaded, it is written from `classes`.
        classes: Class names; the index is the class id.
        licence: Licence of the weights.
        licence_url: Where the licence can be read.
        description: One sentence for people who choose a detector.
        decoder: The entry of `decoders.registry` that reads its outputs.
        fitting: How pictures are fitted into its input; `None` for the decoder's usual way.
        other_inputs: Values of the inputs other than the picture, by name, without the batch axis.
        input_size: Width that pictures are resized to, in pixels.
        input_height: Height that they are resized to; `None` for a square.
        known_to_cvlib: Whether cvlib knows the detector, by the same name.
        embedded: Whether the files ship inside the package.
        own: Whether a user added it to this machine: its files are in a folder of their own.
        library_weights: What a library fetches and exports at `models pull`, where no file is
            published whose checksum could be confirmed.
        needs_float32: Whether its boxes were measured to move too far in bfloat16, so that the
            precision `fast` stays with float32; see `benchmarks/accuracy.py`.
    """

    name: str
    config: WeightsFile | None
    weights: WeightsFile
    labels: WeightsFile
    classes: tuple[str, ...]
    licence: str
    licence_url: str
    description: str
    decoder: str = "darknet"
    fitting: Fitting | None = None
    other_inputs: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    input_size: int = 416
    input_height: int | None = None
    known_to_cvlib: bool = False
    embedded: bool = False
    own: bool = False
    library_weights: str | None = None
    needs_float32: bool = False

    @property
    def files(self) -> tuple[WeightsFile, ...]:
        """Configuration and weights, or the one ONNX file."""
        return (self.config, self.weights) if self.config else (self.weights,)

    @property
    def input_size_wh(self) -> tuple[int, int]:
        """Width and height that pictures are resized to, in pixels."""
        return self.input_size, self.input_height or self.input_size

    @property
    def size(self) -> int | None:
        """Bytes to download for configuration and weights, as far as they are known."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if sizes else None
