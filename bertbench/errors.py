"""Errors that end a command, each with its exit status.

0 is success, 1 a failed gate, 2 bad input, 3 not enough evidence.
"""


class BertbenchError(Exception):
    """An error that is shown as one line, without a traceback."""

    exit_status: int


class GateFailed(BertbenchError):
    """A measured value is outside its tolerance."""

    exit_status = 1


class InputError(BertbenchError):
    """The user's input cannot be used: the message names file, place and remedy."""

    exit_status = 2


class CannotJudge(BertbenchError):
    """There is not enough evidence for a verdict."""

    exit_status = 3


def tensorflow_reason(message: str) -> str:
    """The reason within the message of a `tf.errors.OpError`.

    "{{function_node ...}} PATH; No space left on device [Op:SaveV2]" gives "No space left on device".
    """
    return message.partition("\n")[0].partition(" [Op:")[0].rpartition("; ")[2]
