"""Every option of `launch_benchmark.py`, defined once for parsing, errors, --help and the documents.

Source of names, defaults and meanings: the launch script of Intel's model zoo (IntelAI/models,
`benchmarks/launch_benchmark.py`) and its BERT's documentation.
"""

from typing import Any

from bertbench.modelzoo.option import LaunchOption
from bertbench.precision import WHY_NOT_FP16

TASKS = ("SQuAD", "Classifier", "Pretraining")
MODES = ("training", "inference")
PRECISIONS = ("fp32", "bfloat16", "int8")
MODELS = ("bert_large", "bert_base")


# Reasons why options have no effect, and the scopes of options.
_DATA = "batches are made before the first is measured"
_TCMALLOC = "TensorFlow's own memory allocation is used"
_ACCURACY = "accuracy runs"
_PROCESSES = "training on several processes"
_PRETRAINING = "training of Pretraining"
_FINE_TUNING = "training of SQuAD and Classifier"


def _launch(spellings: str, kind: str, meaning: str = "", **more: Any) -> LaunchOption:
    names = tuple(spellings.split())
    name = names[0].removeprefix("--").replace("-", "_")
    return LaunchOption(name, kind, meaning, names, **more)


def _both(value: Any) -> dict[str, Any]:
    return {"inference": value, "training": value}


LAUNCH_OPTIONS = (
    _launch("--framework -f", "text", "the framework", choices=("tensorflow",), **_both("tensorflow")),
    _launch("--model-name -m", "text", "the model; its sizes come from config_file", choices=MODELS),
    _launch(
        "--precision -p",
        "text",
        "precision of the computation (int8: inference only)",
        choices=PRECISIONS,
        refused={"fp16": WHY_NOT_FP16},
    ),
    _launch("--mode -mo", "text", "train a model, or use a trained one", choices=MODES),
    _launch("--batch-size -b", "count", "examples per batch", inference=32, training=24),
    _launch("--data-location -d", "path", "folder for relative names of data files", scope="relative names"),
    _launch("--checkpoint -c", "path", "folder for a relative init_checkpoint", scope="a relative name"),
    _launch(
        "--output-dir",
        "path",
        "folder for logs and results [common/tensorflow/logs in a checkout, else bertbench_logs]",
    ),
    _launch("--benchmark-only -k", "flag", "inference: measure throughput (the default)", scope="inference"),
    _launch("--accuracy-only", "flag", "inference: predict and score", scope=_ACCURACY),
    _launch(
        "--output-results", "flag", "keep the predictions of an accuracy run (always on)", scope=_ACCURACY
    ),
    _launch("--optimized-softmax", "boolean", "same as the model argument"),
    _launch("--experimental-gelu", "boolean", "same as the model argument"),
    _launch("--num-train-steps -ts", "count", "same as the model argument", scope=_PRETRAINING),
    _launch("--num-intra-threads -a", "count", "threads within an operation [from the machine]"),
    _launch(
        "--num-inter-threads -e",
        "count",
        "operations at once; of a data set also batches, at most two [from the machine]",
    ),
    _launch("--socket-id -i", "index", "run only on this NUMA node [all]"),
    _launch("--num-cores -n", "count", "physical cores to run on [all]", scope="a single instance"),
    _launch(
        "--numa-cores-per-instance", "cores", "run several instances at once, each on N cores or on a socket"
    ),
    _launch("--num-instances", "count", "run N instances at once on equal or given shares of the cores"),
    _launch(
        "--weight-sharing",
        "flag",
        "threads with shared weights instead of processes [4 cores or OMP_NUM_THREADS each]",
        scope="throughput in inference",
    ),
    _launch(
        "--mpi_num_processes", "count", "training: number of processes, through Horovod", scope="training"
    ),
    _launch("--mpi_num_processes_per_socket", "count", "processes per socket", scope=_PROCESSES, **_both(1)),
    _launch(
        "--mpi_hostnames",
        "text",
        "hosts to run them on: host1,host2 or, with process counts, host1:2,host2:2",
        scope=_PROCESSES,
    ),
    _launch("--docker-image", "text", "run in a container of this image"),
    _launch("--docker-strict", "flag", "fail instead of warning if the image cannot be used"),
    _launch("--volume", "volume", "mount A of the host as B in the container; repeatable"),
    _launch("--shm-size", "text", "size of the container's /dev/shm", **_both("64m")),
    _launch("--noinstall", "flag", "do not install requirements in the container"),
    _launch("--dry-run", "flag", "print the commands that would run, and stop"),
    _launch("--verbose -v", "flag", "also print the resolved configuration"),
    _launch("--model-source-dir -r", "optional", idle="the model is part of bertbench"),
    _launch("--backbone-model -bb", "path", idle="BERT has no backbone model"),
    _launch("--in-graph -g", "path", idle="the graph is built from config_file and init_checkpoint"),
    _launch("--data-num-intra-threads", "text", idle=_DATA),
    _launch("--data-num-inter-threads", "text", idle=_DATA),
    _launch("--disable-tcmalloc", "text", idle=_TCMALLOC),
    _launch("--tcmalloc-large-alloc-report-threshold", "text", idle=_TCMALLOC),
    _launch("--tf-serving-version", "text", idle="TensorFlow Serving is not used"),
    _launch("--onednn-graph", "text", idle="it is for Intel's extension of TensorFlow, which is not used"),
    _launch("--debug", "flag", idle="it opens a shell in the model zoo's own container"),
    _launch("--gpu", "flag", idle="bertbench computes on CPUs"),
    _launch("--synthetic-data", "flag", idle="data are random if --data-location is not given"),
)

MODEL_ARGUMENTS = (
    LaunchOption(
        "infer_option", "text", "the task, in inference", choices=TASKS, inference="SQuAD", scope="inference"
    ),
    LaunchOption(
        "train_option", "text", "the task, in training", choices=TASKS, training="SQuAD", scope="training"
    ),
    LaunchOption("config_file", "path", "the model's configuration", **_both("bert_config.json")),
    LaunchOption(
        "vocab_file", "path", "the model's vocabulary", scope="tasks that read text", **_both("vocab.txt")
    ),
    LaunchOption(
        "init_checkpoint",
        "path",
        "the model's weights [training: random weights]",
        inference="model.ckpt-3649",
    ),
    LaunchOption("do_train", "boolean", "train", training=True, scope="training"),
    LaunchOption(
        "do_eval",
        "boolean",
        "Classifier, Pretraining: evaluate on the dev set",
        training=True,
        scope="training of Classifier and Pretraining",
    ),
    LaunchOption(
        "do_predict",
        "boolean",
        "SQuAD, Classifier: predict [Classifier: False]",
        training=True,
        scope=_FINE_TUNING,
    ),
    LaunchOption(
        "train_file",
        "path",
        "SQuAD: questions to train on",
        training="train-v1.1.json",
        scope="training of SQuAD",
    ),
    LaunchOption(
        "predict_file", "path", "SQuAD: questions to answer", scope="SQuAD", **_both("dev-v1.1.json")
    ),
    LaunchOption(
        "input_file",
        "path",
        "Pretraining: TFRecords",
        scope="Pretraining",
        **_both("/tmp/tf_examples.tfrecord"),
    ),
    LaunchOption(
        "data_dir", "path", "Classifier: the GLUE task's folder", scope="Classifier", **_both("MRPC")
    ),
    LaunchOption("task_name", "text", "Classifier: the GLUE task", scope="Classifier", **_both("MRPC")),
    LaunchOption("output_dir", "path", "folder for the model's files, if not --output-dir"),
    LaunchOption(
        "model_export_path",
        "path",
        "inference: only export a SavedModel to this new folder",
        scope="inference",
    ),
    LaunchOption("learning_rate", "number", "peak learning rate", training=3e-5, scope="training"),
    LaunchOption(
        "num_train_epochs",
        "number",
        "SQuAD, Classifier: passes over the training set",
        training=20.0,
        scope=_FINE_TUNING,
    ),
    LaunchOption("num_train_steps", "count", "Pretraining: number of steps", training=20, scope=_PRETRAINING),
    LaunchOption(
        "warmup_steps",
        "integer",
        "warm-up steps; training: Pretraining only",
        aliases=("warmpup_steps",),  # the name in inference_realtime_weight_sharing.sh
        scope="throughput, and training of Pretraining",
        **_both(10),
    ),
    LaunchOption("max_seq_length", "count", "most tokens per example", inference=384, training=512),
    LaunchOption(
        "max_predictions",
        "count",
        "Pretraining: most masked tokens per example",
        scope="Pretraining",
        **_both(20),
    ),
    LaunchOption(
        "doc_stride", "count", "SQuAD: tokens between the starts of windows", scope="SQuAD", **_both(128)
    ),
    LaunchOption(
        "version_2_with_negative",
        "boolean",
        "SQuAD: questions may have no answer [from the file]",
        scope="SQuAD",
    ),
    LaunchOption(
        "null_score_diff_threshold",
        "number",
        "SQuAD: null odds above which there is no answer [0]",
        scope="SQuAD",
    ),
    LaunchOption(
        "optimized_softmax", "boolean", "TensorFlow's fused softmax", inference=True, training=False
    ),
    LaunchOption("experimental_gelu", "boolean", "TensorFlow's fused GELU", **_both(False)),
    LaunchOption("profile", "boolean", "only profile some steps", **_both(False)),
    LaunchOption(
        "do_lower_case",
        "boolean",
        "convert the text to lower case",
        inference=True,
        training=False,
        scope="tasks that read text",
    ),
    LaunchOption("accum_steps", "count", "micro-batches per step", training=1, scope="training"),
    LaunchOption(
        "mpi_workers_sync_gradients",
        "boolean",
        "SQuAD: average the gradients of all processes",
        training=False,
        scope="training of SQuAD on several processes",
    ),
    LaunchOption("steps", "count", "batches to measure", scope="throughput", **_both(30)),
    LaunchOption("save_checkpoints_steps", "count", "steps between checkpoints", scope="training"),
    LaunchOption("use_tpu", "text", idle="bertbench computes on CPUs"),
    LaunchOption("debian_frontend", "text", idle="no Debian package is installed"),
)
