"""All settings in one place: each is read from a variable `DETECTLAB_<NAME>`."""

from pathlib import Path

from platformdirs import user_cache_path
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of detectlab, with the environment over the defaults.

    `Settings()` reads the environment now; `Settings(offline=True)` sets a value by hand.
    """

    model_config = SettingsConfigDict(
        env_prefix="DETECTLAB_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    # Detectors
    home: Path = Field(
        default_factory=lambda: user_cache_path("detectlab"),
        description="Folder for downloaded detectors.",
    )
    mirror: str | None = Field(
        default=None, description="A folder or URL that is asked before the public places."
    )
    offline: bool = Field(default=False, description="Never use the network.")
    model: str | None = Field(default=None, description="The default detector.")

    # Pictures
    max_pixels: int = Field(
        default=40_000_000, ge=1, description="Largest picture taken, in pixels (width x height)."
    )

    @field_validator("home")
    @classmethod
    def _expand_home(cls, home: Path) -> Path:
        return home.expanduser()
