"""Whole trainings reach what an independent implementation reached; their results are stored and checked."""

import subprocess
import sys

import pytest

from bertbench.files import read_json
from bertbench.pytest_plugin.summary import summary_table
from suites.shared_data import shared_path
from suites.tables import with_tables
from suites.tolerances import TOLERANCES
from suites.training import document
from suites.training.recipes import ENCODER, RECIPES, record, record_file

SEED = 42
PRECISIONS = ("fp32", "bf16")
COLUMNS = ("training", "score", "reference", "difference", "loss", "minutes", "machine")


def check_scores(name: str, precision: str, scores: dict[str, float], reference: dict[str, float]) -> None:
    recipe = RECIPES[name]
    for metric, floor in recipe.floors.items():
        assert scores[metric] >= floor, f"{name} {precision}: {metric} {scores[metric]:.4g}, not {floor}"
    allowed = TOLERANCES["any", f"{name} training"]
    difference = scores["f1"] - reference["f1"]
    assert abs(difference) <= allowed.bound, (
        f"{name} {precision}: f1 {scores['f1']:.4g}, {difference:+.4g} from the independent "
        f"{reference['f1']:.4g}, more than {allowed.bound:g} {allowed.unit}"
    )


@pytest.mark.recipes
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", RECIPES)
def test_training_recipe_reaches_reference_score(name, precision, pytestconfig, tmp_path):
    if "recipes" not in pytestconfig.option.markexpr:
        pytest.skip("a whole training takes up to an hour; run it with `pytest -m recipes`")
    data = shared_path(ENCODER).parents[1]
    results_dir = pytestconfig.option.results_dir or tmp_path
    output_dir = results_dir.resolve() / "recipes" / f"{name}-{precision}"
    command = RECIPES[name].command(precision, data, output_dir, SEED)
    assert subprocess.run([sys.executable, "-m", "bertbench", *command], check=False).returncode == 0
    results = read_json(output_dir / "results.json")
    check_scores(name, precision, results["scores"], RECIPES[name].reference_scores(data))
    if pytestconfig.option.record_baselines:
        record(name, precision, SEED, results, data, output_dir)


def find_record(name: str, precision: str) -> dict:
    file = record_file(name, precision, SEED)
    if not file.exists():
        pytest.skip(f"{file.name} is not recorded; run `pytest -m recipes -k {name} --record-baselines`")
    return read_json(file)


@pytest.mark.training
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", RECIPES)
def test_recorded_trainings_reached_reference_score(name, precision, pytestconfig):
    kept = find_record(name, precision)
    check_scores(name, precision, kept["scores"], kept["reference"])
    score, reference = kept["scores"]["f1"], kept["reference"]["f1"]
    training = kept["training"]
    summary_table(pytestconfig, "recorded trainings", COLUMNS).add(
        f"{name} {precision}",
        f"F1 {score:.4g}",
        f"{reference:.4g}",
        f"{score - reference:+.2g}",
        f"{training['loss_curve'][-1][1]:.3g}",
        f"{training['seconds'] / 60:.0f}",
        kept["machine_id"],
    )


@pytest.mark.training
def test_recorded_bf16_score_is_within_tolerance_of_fp32():
    fp32, bf16 = (find_record("squad", precision)["scores"] for precision in PRECISIONS)
    assert abs(bf16["f1"] - fp32["f1"]) <= TOLERANCES["bf16", "squad training"].bound


@pytest.mark.training
def test_training_document_contains_recorded_trainings():
    text = document.DOCUMENT.read_text(encoding="utf-8")
    tables = document.make_tables()
    assert with_tables(text, tables) == text, "run `python -m suites.training.document`"
    assert text.count(tables["recorded trainings"]) == 1
