"""The results of decoding: each question's answer, its n best answers, and its null odds."""

from dataclasses import dataclass

Logits = tuple[float, float]  # of start and end
Entry = dict[str, str | float]  # text, probability, start_logit, end_logit


@dataclass(frozen=True)
class Answer:
    """The best answer to a question.

    Attributes:
      text: as it is in the context.
      probability: of this answer among the n best, from 0 to 1.
      start_logit, end_logit: of its first and last wordpiece.
    """

    text: str
    probability: float
    start_logit: float
    end_logit: float


@dataclass(frozen=True)
class DecodedAnswers:
    """Answers by question id, in the order of the examples.

    Attributes:
      predictions: the best answer of each question.
      nbest: the best answers, best first, each with text, probability (over the list), start_logit and
        end_logit.
      null_odds: score of the empty answer minus that of the best other one; None where every question has an
        answer.
    """

    predictions: dict[str, str]
    nbest: dict[str, list[Entry]]
    null_odds: dict[str, float] | None = None

    def best(self, qas_id: str) -> Answer:
        """The best answer to a question."""
        text = self.predictions[qas_id]
        entry = next(entry for entry in self.nbest[qas_id] if entry["text"] == text)
        figures = (float(entry[name]) for name in ("probability", "start_logit", "end_logit"))
        return Answer(str(entry["text"]), *figures)
