"""One question at a time: answers from a loaded model, without compiling anything new for each."""

import numpy as np

from bertbench.data.batch import assemble
from bertbench.data.batching import BatchPlan, Block
from bertbench.data.features import Features
from bertbench.data.fixed_widths import FixedWidths
from bertbench.data.squad import make_example
from bertbench.data.squad_windows import make_windows
from bertbench.errors import InputError
from bertbench.evaluation.decoded_answers import Answer
from bertbench.evaluation.span_decoding import decode_spans
from bertbench.inference import Predictor
from bertbench.model.bert import BertModel
from bertbench.tasks.squad import SquadTask


class Answerer:
    """Answers questions, one window of wordpieces per call.

    A window is padded to one of a few widths, each compiled once.
    """

    def __init__(self, model: BertModel, task: SquadTask) -> None:
        """Raises `InputError` if the longest question leaves no room for a context."""
        task.settings.windows.require_room()
        self._task = task
        self._predict = Predictor(model)
        self._widths = FixedWidths(task.max_seq_length)

    def warm_up(self) -> None:
        """Compile every shape, so that no question waits for it."""
        for width in self._widths.all:
            ids = np.zeros((1, width), np.int32)
            self._logits(Features.from_rows(ids, ids), 0)

    def __call__(self, question: str, context: str) -> Answer:
        """Answer a question from its context.

        Raises:
          InputError: question or context is empty, or the context contains no wordpiece.
          CannotJudge: a logit is not finite.
        """
        example = make_example(question, context)
        tokenizer, settings = self._task.tokenizer, self._task.settings
        windows = make_windows([example], tokenizer, settings.windows)
        if not len(windows):
            raise InputError("context: contains no wordpiece; give one with text in it.")
        logits = [self._logits(windows.features, index) for index in range(len(windows))]
        starts, ends = (np.concatenate(part) for part in zip(*logits, strict=True))
        answers = decode_spans(
            [example],
            windows,
            starts,
            ends,
            tokenizer,
            settings.decoding,
            with_negative=bool(settings.version_2_with_negative),
        )
        return answers.best(example.qas_id)

    def _logits(self, features: Features, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Start and end logits, float32 [tokens of the window]."""
        length = int(features.lengths[index])
        width = self._widths.holding(length)
        batch = assemble(features, BatchPlan((Block(((index,),), width),)))
        outputs = self._predict(batch.tensors)
        return outputs["start_logits"].numpy()[:length], outputs["end_logits"].numpy()[:length]
