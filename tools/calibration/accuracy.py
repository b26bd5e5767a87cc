"""The error rates of the rule for scores, measured on samples of recorded scores by question.

    python -m tools.calibration.accuracy

draws samples from the scores by question in `baselines/accuracy/` (fp32 and bf16), and applies the gate's
rule to each. Which side of a question is base and which is head is random, so that neither is better. In half
of the rows 10 % of the answers are replaced: the head's scores are those of other questions. Other samples
have a loss of twice the tolerance: a share of the head's questions has the worst possible answers.
  Masked words are lost one by one.

No model with a correlation is recorded; its scores are simulated: 1,500 labels from 0 to 5, predictions that
correlate with them by 0.86, and the same rounded to bfloat16.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import ml_dtypes
import numpy as np
import scipy.optimize

from bertbench.console import progress
from bertbench.errors import GateFailed, InputError
from bertbench.evaluation.items import RATIOS, Items
from bertbench.formatting import percent, words
from bertbench.gate.accuracy import compare_items
from bertbench.gate.limits import SCORE_TOLERANCES
from bertbench.results.accuracy import Ruling
from bertbench.results.accuracy_baselines import RECORDED, RecordedBaselines, read_baselines
from bertbench.tables import make_table, print_table
from tools.scripts import run_script

SAMPLES = {50: 200, 200: 200, 800: 200, 2000: 40}  # by their size
RESAMPLES = 999
REPLACED = (0.0, 0.1)
ERRORS = 0.01
TOLD = (Ruling.PASS, Ruling.UNCHANGED, Ruling.FAIL)
COLUMNS = ("score", "replaced", "items", *("pass", "unchanged", "fail") * 2)
# Recorded cases by the scores that are simulated with them.
CASES = {
    "f1": "squad-inference-minilm-erf",
    "exact_match": "squad-inference-minilm-erf",
    "accuracy": "classifier-inference",
    "matthews_correlation": "classifier-inference",
    "masked_lm_accuracy": "pretraining-inference",
}
Values = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Population:
    """The items of both sides, from which samples are drawn."""

    quantity: str
    base: Values
    head: Values

    @property
    def size(self) -> int:
        """The number of items."""
        return len(next(iter(self.base.values())))

    @property
    def tolerance(self) -> float:
        """The tolerance of bf16."""
        return SCORE_TOLERANCES["bf16", "f1" if self.quantity == "exact_match" else self.quantity].bound

    def sample(self, size: int, replaced: float, generator: np.random.Generator) -> tuple[Values, Values]:
        """Base and head samples of this size, neither of which is better."""
        drawn = generator.integers(self.size, size=size)
        others = np.where(generator.random(size) < replaced, generator.integers(self.size, size=size), drawn)
        swapped = generator.random(size) < 0.5
        first = {name: values[drawn] for name, values in self.base.items()}
        second = {name: values[others] for name, values in self.head.items()}
        return (
            {name: np.where(swapped, second[name], first[name]) for name in first},
            {name: np.where(swapped, first[name], second[name]) for name in first},
        )


def spoil(values: Values, quantity: str, share: float, generator: np.random.Generator) -> Values:
    """Values, a share of which is replaced by the worst possible ones."""
    lost = generator.random(len(next(iter(values.values())))) < share
    if quantity in RATIOS:
        hits = RATIOS[quantity][0]
        kept = values[hits].astype(int)
        return {**values, hits: kept - generator.binomial(kept, share)}
    if quantity in values:
        return {**values, quantity: np.where(lost, 0, values[quantity])}
    labels = values["labels"]
    opposite = labels.max() + labels.min() - labels
    return {**values, "predictions": np.where(lost, opposite, values["predictions"])}


def share_to_lose(population: Population, loss: float) -> float:
    """The share of items with the worst answers that lowers the score by a given loss."""
    many = {name: np.tile(values, 200_000 // population.size) for name, values in population.base.items()}
    score = Items.numbered(many).score(population.quantity)

    def miss(share: float) -> float:
        spoilt = spoil(many, population.quantity, share, np.random.default_rng(0))
        return score - Items.numbered(spoilt).score(population.quantity) - loss

    return float(scipy.optimize.brentq(miss, 0, 0.5, xtol=1e-5))


def simulate(
    population: Population, size: int, replaced: float, share: float, samples: int
) -> Counter[Ruling]:
    """The rulings on samples in which a share of the head's answers is the worst possible."""
    generator = np.random.default_rng(0)
    rulings: Counter[Ruling] = Counter()
    for _ in range(samples):
        base, head = population.sample(size, replaced, generator)
        sides = Items.numbered(base), Items.numbered(spoil(head, population.quantity, share, generator))
        made = compare_items(
            population.quantity, *sides, population.tolerance, against="base", resamples=RESAMPLES
        )
        rulings[made.verdict] += 1
    return rulings


def measure(
    population: Population, share_of_samples: float, advance: Callable[[int], None]
) -> Iterator[tuple[tuple[str, ...], float]]:
    """Rows of `COLUMNS`, each with its larger rate of errors."""
    share = share_to_lose(population, 2 * population.tolerance)
    for replaced in REPLACED:
        for size, samples in SAMPLES.items():
            count = round(samples * share_of_samples)
            same, worse = (simulate(population, size, replaced, lost, count) for lost in (0.0, share))
            rates = (percent(rulings[ruling] / count) for rulings in (same, worse) for ruling in TOLD)
            errors = max(same[Ruling.FAIL], worse[Ruling.PASS]) / count
            yield (words(population.quantity), percent(replaced, 0), f"{size:,}", *rates), errors
            advance(1)


def recorded(baselines: RecordedBaselines, quantity: str) -> Population:
    """The recorded items of a score in both precisions.

    Raises:
      InputError: they are missing.
    """
    case = CASES[quantity]
    sides = []
    for precision in ("fp32", "bf16"):
        kept = [entry for entry in baselines.by_key.values() if entry.case == f"{precision}-{case}"]
        items = next(filter(None, map(baselines.items, kept)), None)
        if items is None:
            raise InputError(f"{baselines.path}: contains no scores by question of {precision}-{case}.")
        sides.append(items.values)
    return Population(quantity, *sides)


def made_up_correlation() -> Population:
    """Labels from 0 to 5, predictions that correlate with them by 0.86, and the same in bfloat16."""
    generator = np.random.default_rng(0)
    labels = generator.uniform(0, 5, 1500).round(1)
    predictions = labels + generator.normal(0, labels.std() * np.sqrt(1 / 0.86**2 - 1), 1500)
    rounded = predictions.astype(ml_dtypes.bfloat16).astype(float)
    sides = ({"predictions": made, "labels": labels} for made in (predictions, rounded))
    return Population("pearson", *sides)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the samples; fewer are quicker")
    share = parser.parse_args().share
    baselines = read_baselines(RECORDED)
    populations = [*(recorded(baselines, quantity) for quantity in CASES), made_up_correlation()]
    with progress("samples", len(populations) * len(REPLACED) * len(SAMPLES), "kinds") as advance:
        rows = [row for population in populations for row in measure(population, share, advance)]
    print_table(make_table("No difference, and twice the tolerance lost", COLUMNS, [row for row, _ in rows]))
    if any(errors > ERRORS for _, errors in rows):
        raise GateFailed(f"the rule is wrong in more than {percent(ERRORS, 0)} of the samples of a kind.")


if __name__ == "__main__":
    run_script(main)
