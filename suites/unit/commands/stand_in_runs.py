"""Arguments and data of SQuAD runs with the stand-in model."""

import json


def squad_arguments(stand_ins, output_dir):
    return [
        *("squad", "--model-dir", stand_ins.tuned, "--predict-file", stand_ins.squad / "dev-v1.1.json"),
        *("--output-dir", output_dir, "--max-seq-length", 64, "--max-query-length", 16),
    ]


def changed_dataset(stand_ins, tmp_path, change):
    dataset = json.loads((stand_ins.squad / "dev-v1.1.json").read_text())
    change(dataset["data"][0]["paragraphs"][0])
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(dataset, indent=1))
    return file
