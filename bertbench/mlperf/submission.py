"""A submission's folder, as MLPerf's submission checker requires it.

The layout is that of https://github.com/mlcommons/inference/blob/master/tools/submission: under a division
and a submitter, `systems`, `code`, `measurements` and `results`, the latter by system, benchmark and
scenario, with `accuracy` and `performance/run_1`.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench import __version__
from bertbench.files import make_directory, write_json, write_text
from bertbench.mlperf.loadgen import ACCURACY, ACCURACY_FILE, DETAIL_FILE, PERFORMANCE, SUMMARY_FILE

DIVISION, SUBMITTER, IMPLEMENTATION = "open", "bertbench", "bertbench"
SCORES_FILE, USER_CONF = "accuracy.txt", "user.conf"
_KEPT = 4096  # characters of each end of the accuracy log, as the official truncate_accuracy_log.py keeps


@dataclass(frozen=True)
class Submission:
    """The description of a run in a submission.

    Attributes:
      benchmark: such as `bert-99`. machine: the result of `describe_machine`. note: how it was run.
    """

    benchmark: str
    scenario: str
    precision: str
    machine: Mapping[str, Any]
    note: str

    def write(
        self, folder: Path, logs: Mapping[str, Path], user_conf: Path, scores: Mapping[str, float]
    ) -> None:
        """Write the folder.

        Args:
          logs: LoadGen's, by mode. user_conf: the one that was used. scores: of the official script.
        """
        root = folder / DIVISION / SUBMITTER
        system = self.machine["id"]
        place = Path(system, self.benchmark, self.scenario)
        results, measurements = root / "results" / place, root / "measurements" / place
        for mode, source in logs.items():
            target = results / {PERFORMANCE: Path(PERFORMANCE, "run_1"), ACCURACY: Path(ACCURACY)}[mode]
            make_directory(target)
            for name in (SUMMARY_FILE, DETAIL_FILE):
                shutil.copyfile(source / name, target / name)
        if ACCURACY in logs:
            _write_accuracy(logs[ACCURACY] / ACCURACY_FILE, results / ACCURACY, scores)
        make_directory(measurements)
        shutil.copyfile(user_conf, measurements / USER_CONF)
        write_text(measurements / "README.md", f"{self.note}\n")
        write_json(measurements / f"{system}_{IMPLEMENTATION}_{self.scenario}.json", self._implementation())
        write_json(root / "systems" / f"{system}.json", self._system())
        write_text(root / "code" / self.benchmark / IMPLEMENTATION / "README.md", f"{self.note}\n")

    def _implementation(self) -> dict[str, str]:
        return {
            "input_data_types": "int32",
            "retraining": "No",
            "starting_weights_filename": "see README.md",
            "weight_data_types": self.precision,
            "weight_transformations": "none",
        }

    def _system(self) -> dict[str, Any]:
        machine = self.machine
        nothing = dict.fromkeys(
            [
                *("accelerator_frequency", "accelerator_host_interconnect", "accelerator_interconnect"),
                *("accelerator_interconnect_topology", "accelerator_memory_capacity", "hw_notes"),
                *(
                    "accelerator_memory_configuration",
                    "accelerator_model_name",
                    "accelerator_on-chip_memories",
                ),
                *("cooling", "host_memory_configuration", "host_networking", "host_networking_topology"),
                *("host_processor_caches", "host_processor_frequency", "host_processor_interconnect"),
                *("host_storage_capacity", "host_storage_type", "sw_notes"),
            ],
            "",
        )
        return nothing | {
            "accelerators_per_node": "0",
            "division": DIVISION,
            "framework": f"bertbench {__version__}, TensorFlow {machine['tensorflow']}",
            "host_memory_capacity": f"{machine['memory_bytes'] / 2**30:.0f} GiB",
            "host_processor_core_count": str(machine["physical_cores"]),
            "host_processor_model_name": machine["cpu"],
            "host_processors_per_node": str(machine["sockets"]),
            "number_of_nodes": "1",
            "operating_system": machine["os"],
            "other_software_stack": "",
            "status": "available",
            "submitter": SUBMITTER,
            "system_name": machine["id"],
            "system_type": "datacenter",
            "system_type_detail": "",
        }


def _write_accuracy(log: Path, folder: Path, scores: Mapping[str, float]) -> None:
    """The ends of the accuracy log, and the scores with the checksum of the whole."""
    content = log.read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    text = content.decode()
    if len(text) > 2 * _KEPT:
        text = f"{text[:_KEPT]}\n\n...\n\n{text[-_KEPT:]}"
    write_text(folder / ACCURACY_FILE, text)
    write_text(folder / SCORES_FILE, f"{json.dumps(scores)}\nhash={checksum}\n")
