"""The query parameters of a prediction."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shipseg.server.analysis import Demand
from shipseg.server.forms import Layer

# Without inf and nan: pydantic lets both through by default, and nan passes every range.
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=300)]


class PredictParameters(BaseModel):
    """What the caller may set; a parameter of another name is refused, for it may be a slip."""

    model_config = ConfigDict(extra="forbid")

    threshold: Probability | SkipJsonSchema[None] = Field(
        None, description="Least probability at which a pixel is ship; the model's by default."
    )
    gate_threshold: Probability | SkipJsonSchema[None] = Field(
        None, description="Least probability at which a picture passes; the model's by default."
    )
    min_score: Probability = Field(0.0, description="Ships with a lower score are left out.")
    gsd: Annotated[float, Field(ge=0.01, le=1000, allow_inf_nan=False)] | SkipJsonSchema[None] = (
        Field(None, description="Metres per pixel, where you know better than the file.")
    )
    gate: Literal["on", "off"] = Field(
        "on", description="'off' segments everything, whatever the gate says."
    )
    name: Name | SkipJsonSchema[None] = Field(
        None, description="What to call the picture; for showing only."
    )

    def demand(self) -> Demand:
        """Give what is wanted of the picture."""
        return Demand(
            threshold=self.threshold,
            gate_threshold=self.gate_threshold,
            min_score=self.min_score,
            gsd_m=self.gsd,
            gated=self.gate == "on",
        )


class LayeredParameters(PredictParameters):
    """The same, and which picture to draw."""

    layer: Layer = Field(Layer.mask, description="Which picture, where the answer is image/png.")


class ResultParameters(BaseModel):
    """Which picture of a job's result."""

    model_config = ConfigDict(extra="forbid")

    layer: Layer = Field(Layer.mask, description="Which picture, where the answer is image/png.")


class SampleParameters(BaseModel):
    """Which scene to draw."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another number draws another sea.")
    ships: int = Field(5, ge=0, le=20, description="How many ships, if there is water for them.")
