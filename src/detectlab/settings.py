"""All settings in one place: each is read from a variable `DETECTLAB_<NAME>`."""

import os
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_cache_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_SECRET_LENGTH = 16


class Settings(BaseSettings):
    """Settings of detectlab, with the environment over the defaults.

    `Settings()` reads the environment now; `Settings(offline=True)` sets a value by hand.
    """

    model_config = SettingsConfigDict(
        env_prefix="DETECTLAB_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ValueError(_in_words(error)) from None

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

    # What runs them
    engine: str = Field(
        default="auto",
        description="What runs the networks; by default the fastest one that is installed.",
    )
    precision: Literal["float32", "fast"] = Field(
        default="float32", description="The course's numbers, or whatever the machine does best."
    )

    # Pictures
    scaled_decoding: bool = Field(
        default=False,
        description="Whether large JPEGs asked for JSON are decoded at a fraction of their size: "
        "quicker, and some boxes move a little.",
    )
    max_pixels: int = Field(
        default=40_000_000, ge=1, description="Largest picture taken, in pixels (width x height)."
    )

    # Service: what one request may bring
    max_bytes: int = Field(
        default=10 << 20, ge=1, description="Largest picture file taken, in bytes."
    )
    max_batch_bytes: int = Field(
        default=40 << 20, ge=1, description="Largest body of a batch request, in bytes."
    )
    max_batch_files: int = Field(
        default=16, ge=1, description="Largest number of pictures in a batch request."
    )
    max_held_bytes: int = Field(
        default=256 << 20, ge=1, description="Largest sum of all bodies held at once, in bytes."
    )

    # Service: how much runs at once, and for how long
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="How many detections run at once; by default one for each core.",
    )
    queue_size: int = Field(
        default=256, ge=0, description="How many requests may wait for a worker, at most."
    )
    max_wait_s: float = Field(
        default=5.0,
        ge=0,
        description="Requests whose expected wait for a worker is longer are refused, in seconds.",
    )
    deadline_s: float = Field(
        default=30.0, gt=0, description="Time for a request from its arrival, in seconds."
    )
    shutdown_grace_s: float = Field(
        default=10.0, ge=0, description="Time that a stopping server gives what runs, in seconds."
    )
    memory_limit_mb: int = Field(
        default=2048, ge=1, description="Estimated memory that loaded detectors may take, in MB."
    )
    load_retry_s: float = Field(
        default=5.0, ge=0, description="Time before a detector that failed is tried again, in s."
    )
    fetch_on_demand: bool = Field(
        default=False, description="Whether the server downloads a detector that is asked for."
    )

    # Service: what is kept of received pictures
    received_dir: Path | None = Field(
        default=None, description="Folder for received pictures; none are kept without it."
    )
    received_keep: int = Field(
        default=200, ge=0, description="How many received pictures are kept; 0 keeps none."
    )
    received_max_mb: int = Field(
        default=200, ge=1, description="Space that kept pictures may take, in MB."
    )

    # Service: which detector answers
    rollout_file: Path | None = Field(
        default=None,
        description="File with the rollout's plan and history; in memory without it.",
    )
    rollout_webhook: str | None = Field(
        default=None, description="Address that gets each change of the rollout's plan, as JSON."
    )

    # Service: what is watched
    monitoring: bool = Field(
        default=True, description="Whether statistics of pictures and answers are kept."
    )
    monitoring_share: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Share of the pictures whose pixels are looked at, unless drift is suspected.",
    )
    monitoring_webhook: str | None = Field(
        default=None, description="Address that gets each alarm, as JSON."
    )
    monitoring_webhook_secret: SecretStr | None = Field(
        default=None, description="Signs what is sent there; empty: no signature."
    )
    monitoring_webhook_private: bool = Field(
        default=False,
        description="Whether that address may be one of this machine or of a private network.",
    )

    # Service: who may ask
    api_key: SecretStr | None = Field(
        default=None, description="What clients must send as X-API-Key; empty: nothing."
    )
    operator_token: SecretStr | None = Field(
        default=None,
        description="What operators must send as X-Operator-Token where there is no API key; by "
        "default the server makes one and writes it to the file operator-token in its home.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Host names, as a JSON list, that a server without a key answers to; it "
        "always answers to addresses and to names without a dot.",
    )
    allow_open: bool = Field(
        default=False, description="Whether a server without a key may listen beyond this machine."
    )
    cors_origins: tuple[str, ...] = Field(
        default=(), description="Origins whose web pages may ask, as a JSON list; none by default."
    )

    # Service: what it tells
    log_json: bool = Field(default=False, description="Whether log lines are JSON objects.")

    @field_validator("engine")
    @classmethod
    def _check_engine(cls, engine: str) -> str:
        from detectlab.engines.registry import check_name  # late: it imports NumPy

        return check_name(engine)

    @field_validator("api_key", "operator_token", "monitoring_webhook_secret")
    @classmethod
    def _check_length(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret and len(secret.get_secret_value()) < MIN_SECRET_LENGTH:
            raise ValueError(
                f"it must have at least {MIN_SECRET_LENGTH} characters, against guessing; "
                "make one with `python3 -c 'import secrets; print(secrets.token_urlsafe(32))'`"
            )
        return secret

    @field_validator("home")
    @classmethod
    def _expand_home(cls, home: Path) -> Path:
        return home.expanduser()


def _in_words(error: ValidationError) -> str:
    """One sentence for each setting that is wrong, without the value of a secret."""
    parts = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else ""
        message = str(problem["msg"]).removeprefix("Value error, ")
        is_secret = "must be one of" in message or name in ("api_key", "operator_token")
        given = "" if is_secret else f" Received: {str(problem['input'])[:60]!r}"
        parts.append(f"`DETECTLAB_{name.upper()}`: {message.rstrip('.')}.{given}")
    return " ".join(parts)
