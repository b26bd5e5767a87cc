"""`quantization.json`: the calibrated scales of a model's int8 products.

`docs/formats.md` describes it; `bertbench quantize` writes it.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bertbench.checkpoint.paths import FINGERPRINT_DIGITS, checkpoint_files, fingerprint_files
from bertbench.checkpoint.source import QUANTIZATION_FILE, ModelSource
from bertbench.config import ModelConfig
from bertbench.errors import InputError
from bertbench.files import read_json, write_json
from bertbench.int8 import ProductScales, list_sites
from bertbench.parsing import NonNegative, Positive, PositiveCount, check_version, parse_dataclass
from bertbench.precision import INT8, Precision

SCHEMA_VERSION = 1
_AGAIN = "make it again as `bertbench quantize --help` shows"
_MADE_UP = ProductScales(4.0)  # about the range of layer-norm outputs


@dataclass(frozen=True)
class Calibration:
    """The calibration data: a task's file, its SHA-256, and the number of examples."""

    task: str
    file: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    examples: PositiveCount


@dataclass(frozen=True)
class SiteScales:
    """The scales of one site (`bertbench.int8.Site`), and the method that found them.

    Attributes:
      site: its name. input_range, smoothing: see `ProductScales`.
      strength: of the smoothing. clipping: the method that found the range.
      error: the relative mean square error of the products' results on calibration data.
    """

    site: str
    input_range: Positive
    smoothing: tuple[Positive, ...] | None
    strength: float | None
    clipping: str
    error: NonNegative


@dataclass(frozen=True)
class LeftSite:
    """A site that stays in floats, and the error of the model's outputs with only this site in int8."""

    site: str
    output_error: NonNegative


@dataclass(frozen=True)
class Quantization:
    """The contents of the file.

    Attributes:
      checkpoint_fingerprint: of the weights, see `fingerprint_files`.
      output_error: the relative error of the model's outputs on calibration data, see
        `bertbench.quantization.sensitivity`.
      int8: the sites in int8. left: the sites in floats.
    """

    checkpoint_fingerprint: Annotated[str, Field(pattern=rf"^[0-9a-f]{{{FINGERPRINT_DIGITS}}}$")]
    calibration: Calibration
    output_error: NonNegative
    left: tuple[LeftSite, ...]
    int8: tuple[SiteScales, ...]

    def scales(self, config: ModelConfig) -> dict[str, ProductScales]:
        """The scales of every int8 product, by its scope."""
        found = {site.site: ProductScales(site.input_range, site.smoothing) for site in self.int8}
        return {
            product: found[site.name]
            for site in list_sites(config)
            if site.name in found
            for product in site.products
        }


def write_quantization(path: Path, quantization: Quantization) -> None:
    """Write the file; equal contents give equal bytes."""
    write_json(path, {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(quantization)}, indent=None)


def read_quantization(path: Path, config: ModelConfig) -> Quantization:
    """Read the file for a model of these sizes.

    Raises:
      InputError: it cannot be read, is of an unknown version, a key is missing or wrong, or its sites are not
        those of the model.
    """
    values = check_version(read_json(path), str(path), SCHEMA_VERSION, _AGAIN)
    made = parse_dataclass(Quantization, values, str(path), _AGAIN)
    for fault in _faults(made, config):
        raise InputError(f"{path}: {fault}; {_AGAIN}.")
    return made


def _faults(made: Quantization, config: ModelConfig) -> Iterator[str]:
    widths = {site.name: site.inputs for site in list_sites(config)}
    names = [*(site.site for site in made.int8), *(site.site for site in made.left)]
    for name in names:
        if name not in widths:
            yield f"names {name!r}, which this model does not have"
        if names.count(name) > 1:
            yield f"names {name!r} more than once"
    for name in widths:
        if name not in names:
            yield f"does not name {name!r}, which this model has"
    for site in made.int8:
        if site.smoothing is not None and len(site.smoothing) != widths[site.site]:
            yield f"{site.site}: smoothing has {len(site.smoothing)} values, the input {widths[site.site]}"


def int8_precision(source: ModelSource, around: Precision) -> Precision:
    """A model's int8 precision; models with random weights get constant scales.

    Args:
      around: the precision of everything between the int8 products.

    Raises:
      InputError: the model has no `quantization.json`, or it is invalid or for other weights.
    """
    if source.checkpoint is None:
        names = [name for site in list_sites(source.config) for name in site.products]
        return Precision(INT8.name, around.products, dict.fromkeys(names, _MADE_UP))
    path = source.quantization_file
    if path is None:
        raise InputError(
            f"{source.checkpoint}: precision int8 needs a {QUANTIZATION_FILE} beside the checkpoint; make a "
            "folder with both with `bertbench quantize --model-dir M --calibration-file TRAINING_DATA "
            "--output-dir Q` and give that folder."
        )
    made = read_quantization(path, source.config)
    fingerprint = fingerprint_files(checkpoint_files(source.checkpoint))
    if made.checkpoint_fingerprint != fingerprint:
        raise InputError(
            f"{path}: is for a checkpoint with the fingerprint {made.checkpoint_fingerprint}, not "
            f"{fingerprint} as {source.checkpoint}; quantize this one as `bertbench quantize --help` shows."
        )
    return Precision(INT8.name, around.products, made.scales(source.config), made.calibration.sha256)
