"""Text files -> TFRecord shards, in parallel; the result does not depend on the number of processes.

The original uses one random generator for all text. Here the text is divided into parts (see `text_corpus`),
each with its own generator for the order of documents, examples, masks, random next sentences and the final
order. The first part has the seed of the original, so text of a single part (up to 4 MiB) gives the
original's examples in the original's order; the seeds of other parts depend on the seed and the part number.
Examples are assigned to the shards in turn, and each shard has its own order of parts.
"""

import contextlib
import functools
import os
import random
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bertbench.children import child_processes
from bertbench.console import progress
from bertbench.data.pretraining import ExampleMaker, MaskingOptions
from bertbench.data.text_corpus import PART_BYTES, Span, plan_parts, read_documents
from bertbench.data.tfrecord_format import RecordShape, serialize_example
from bertbench.data.tfrecord_frames import FRAME_BYTES
from bertbench.data.tfrecords import write_records
from bertbench.data.tokenization import TextRules, Tokenizer
from bertbench.data.vocabulary import Vocabulary
from bertbench.errors import InputError
from bertbench.files import make_directory
from bertbench.output_folders import written_together
from bertbench.temporary import temporary_folder


@dataclass(frozen=True)
class Written:
    """The numbers of `documents` read and of `examples` written to all shards."""

    documents: int
    examples: int


@dataclass(frozen=True)
class _Job:
    """Everything that is needed to turn one part into records, in any process."""

    part: int
    spans: list[Span]
    file: Path
    vocabulary: Vocabulary
    rules: TextRules
    options: MaskingOptions
    random_seed: int
    num_shards: int


@dataclass(frozen=True)
class _PartWritten:
    """The result of one part; its records are in its file, ordered by shard."""

    documents: int
    examples: int
    shard_bytes: list[int]


def write_pretraining_files(
    input_files: Sequence[Path],
    output_files: Sequence[Path],
    *,
    tokenizer: Tokenizer,
    options: MaskingOptions,
    random_seed: int,
    num_processes: int,
    part_bytes: int = PART_BYTES,
) -> Written:
    """Turn text into masked examples and distribute them evenly over the output files.

    Output files are replaced together, and never half-written. During the work, twice the size of the outputs
    is needed on the disk, and each process has the examples of one part (about 100 MB) in memory.

    Raises:
      InputError: text is not UTF-8 or contains no sentence, an input would be overwritten, there are fewer
        examples than output files, or outputs cannot be written.
    """
    for path in output_files:
        if os.path.realpath(path) in map(os.path.realpath, input_files):
            raise InputError(f"{path}: is also an input; choose another output.")
    folder = make_directory(output_files[0].parent)
    try:
        with written_together(folder) as staging, temporary_folder(staging / "parts") as temporary:
            jobs = [
                _Job(
                    part=part,
                    spans=spans,
                    file=temporary / f"{part:08d}",
                    vocabulary=tokenizer.vocabulary,
                    rules=tokenizer.rules,
                    options=options,
                    random_seed=random_seed,
                    num_shards=len(output_files),
                )
                for part, spans in enumerate(plan_parts(input_files, part_bytes))
            ]
            written = _run(jobs, num_processes)
            _check_enough(sum(part.examples for part in written), input_files, output_files)
            _gather(jobs, written, [staging / path.name for path in output_files], random_seed)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); free some space or choose another folder."
        ) from None
    except BrokenProcessPool:
        raise InputError("a process was killed, probably out of memory; use fewer processes.") from None
    return Written(sum(part.documents for part in written), sum(part.examples for part in written))


def _check_enough(examples: int, input_files: Sequence[Path], output_files: Sequence[Path]) -> None:
    if not examples:
        raise InputError(f"{', '.join(map(str, input_files))}: contains no sentence; give text.")
    if examples < len(output_files):
        raise InputError(
            f"{len(output_files)} shards cannot be filled with {examples} examples; use fewer shards."
        )


def _run(jobs: Sequence[_Job], num_processes: int) -> list[_PartWritten]:
    written = []
    with progress("prepare pretraining", len(jobs), "parts") as advance:
        examples = 0
        with contextlib.closing(_results(jobs, min(num_processes, len(jobs)))) as results:
            for part in results:
                written.append(part)
                examples += part.examples
                advance(1, examples=examples)
    return written


def _results(jobs: Sequence[_Job], num_processes: int) -> Generator[_PartWritten]:
    """Yield each job's result, in the jobs' order."""
    if num_processes <= 1:
        yield from map(_write_part, jobs)
        return
    with child_processes(num_processes) as pool:
        yield from pool.map(_write_part, jobs)


# A process keeps its tokenizer, with its cache of words, for all parts.
_make_tokenizer = functools.lru_cache(maxsize=1)(Tokenizer)


def _write_part(job: _Job) -> _PartWritten:
    tokenizer = _make_tokenizer(job.vocabulary, job.rules)
    documents = list(_tokenize(job.spans, tokenizer))
    rng = random.Random(job.random_seed if job.part == 0 else f"{job.random_seed} {job.part}")
    shape = RecordShape(job.options.max_seq_length, job.options.max_predictions_per_seq)
    maker = ExampleMaker(tokenizer, job.options)
    records = [serialize_example(example, shape) for example in maker.examples(documents, rng)]
    rng.shuffle(records)
    # The part's number shifts the turns, so that no shard always gets a part's odd record.
    shards = [
        records[(shard - job.part) % job.num_shards :: job.num_shards] for shard in range(job.num_shards)
    ]
    write_records(job.file, [record for shard in shards for record in shard])
    return _PartWritten(
        len(documents),
        len(records),
        [sum(len(record) + FRAME_BYTES for record in shard) for shard in shards],
    )


def _tokenize(spans: Sequence[Span], tokenizer: Tokenizer) -> Iterator[list[list[int]]]:
    """Yield documents without sentences that have no token, and without documents left empty."""
    for span in spans:
        for sentences in read_documents(span):
            document = [ids for ids in tokenizer.encode_batch(sentences) if ids]
            if document:
                yield document


def _gather(
    jobs: Sequence[_Job], written: Sequence[_PartWritten], output_files: Sequence[Path], random_seed: int
) -> None:
    """Copy each shard's bytes from all parts' files; TFRecord files are joined by laying them end to end."""
    for shard, path in enumerate(output_files):
        order = list(range(len(jobs)))
        random.Random(f"{random_seed} shard {shard}").shuffle(order)
        with path.open("wb") as output:
            for part in order:
                with jobs[part].file.open("rb") as source:
                    source.seek(sum(written[part].shard_bytes[:shard]))
                    _copy(source, output, written[part].shard_bytes[shard])


def _copy(source: BinaryIO, output: BinaryIO, count: int) -> None:
    while count:
        data = source.read(min(count, 2**20))
        output.write(data)
        count -= len(data)
