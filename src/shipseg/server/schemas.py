"""The bodies of the API, for OpenAPI and for tests; the server writes them without pydantic."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
Point = Annotated[list[float], Field(min_length=2, max_length=2, description="x and y in pixels")]
Milliseconds = Annotated[float, Field(ge=0)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ModelName(_Body):
    """Which model answered."""

    name: str
    version: str = Field(description="Day of the export and a hash over both graphs.")


class ImageFacts(_Body):
    """The picture as it was understood."""

    name: str = Field(description="As the caller calls it; for showing only.")
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    gsd_m: float | None = Field(description="Metres per pixel, where known.")
    warnings: list[str] = Field(description="What reading had to assume.")


class Thresholds(_Body):
    """Where the gate and the segmenter draw the line."""

    gate: Probability
    ship: Probability


class ShipFacts(_Body):
    """One ship. Pixels are the picture's own, x to the right, y down, from the top left corner."""

    id: int = Field(ge=1, description="Its number, by its first pixel, row by row.")
    score: Probability = Field(description="That a true ship lies under it at an IoU above 0.5.")
    box: tuple[int, int, int, int] = Field(description="x0, y0, x1, y1, half-open.")
    outline: list[list[list[Point]]] = Field(
        description="Polygons of rings of points; the first ring is the outer one, the others are "
        "holes, none repeats its first point."
    )
    oriented_box: Annotated[list[Point], Field(min_length=4, max_length=4)]
    centre: Point
    area_px: int = Field(ge=1)
    length_px: float = Field(ge=0)
    width_px: float = Field(ge=0)
    heading_deg: float = Field(
        ge=0,
        lt=180,
        description="Of its longer side, clockwise from true north where the ship has a longitude, "
        "else from up; bow or stern is not known.",
    )
    rle: str = Field(description="Its mask as Kaggle's EncodedPixels.")
    length_m: float | None
    width_m: float | None
    longitude: float | None = Field(description="Of its centre on WGS 84.")
    latitude: float | None


class Timings(_Body):
    """Milliseconds of work by stage."""

    decode: Milliseconds
    gate: Milliseconds
    segment: Milliseconds
    ships: Milliseconds
    total: Milliseconds


class Prediction(_Body):
    """What was found on one picture."""

    request_id: str
    model: ModelName
    image: ImageFacts
    ship_probability: Probability = Field(description="The gate's, that there is any ship.")
    passed: bool = Field(description="Whether the segmenter was asked.")
    thresholds: Thresholds
    ships: list[ShipFacts]
    timings_ms: Timings


class ParameterError(_Body):
    """One parameter that is wrong."""

    name: str
    message: str


class ProblemDocument(_Body):
    """An error, as RFC 9457 has it."""

    type: str = Field(description="Where the kind of problem is described.")
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable: decide by this one.")
    hint: str | None = None
    errors: list[ParameterError] | None = None
    request_id: str | None = None


class Limits(_Body):
    """What one request or job may bring."""

    max_bytes: int = Field(description="Largest body of POST /v1/predict.")
    request_pixels: int = Field(description="Largest picture of POST /v1/predict.")
    job_bytes: int = Field(description="Largest body of POST /v1/jobs.")
    queue: int = Field(description="Pictures that may wait.")


class ModelFacts(_Body):
    """One model."""

    name: str
    version: str
    created: str
    license: str
    training_data: str
    gsd_m: float = Field(description="Metres per pixel that it was trained at.")
    thresholds: Thresholds
    tile_px: int = Field(description="Side of the tiles that the gate looks at.")


class Models(_Body):
    """The models that answer here, and the limits of this server."""

    models: list[ModelFacts]
    limits: Limits
    formats: list[str] = Field(description="Media types of POST /v1/predict.")
    layers: list[str] = Field(description="Values of `layer`.")


JobStatus = Literal["queued", "running", "done", "failed"]


class JobFacts(_Body):
    """One job."""

    id: str
    status: JobStatus
    name: str = Field(description="As the caller calls the picture.")
    progress: Probability | None = Field(description="Share that is done, where it can be told.")
    created: str = Field(description="UTC, ISO 8601.")
    error: ProblemDocument | None


class Health(_Body):
    """Whether the process answers."""

    status: Literal["ok"]


class Readiness(_Body):
    """Whether the server takes work."""

    status: Literal["ready"]
