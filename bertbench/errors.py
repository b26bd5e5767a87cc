"""The three ways a run ends badly, each with the exit status every command uses.

0 is success; 1 a failed gate; 2 bad input; 3 "could not judge".
"""


class BertbenchError(Exception):
    """A failure to be told in one line, without a traceback."""

    exit_status: int


class GateFailed(BertbenchError):
    """A measured figure is outside its tolerance."""

    exit_status = 1


class InputError(BertbenchError):
    """The user's input cannot be used: the message names file, place and remedy."""

    exit_status = 2


class CannotJudge(BertbenchError):
    """There is not enough evidence for a verdict."""

    exit_status = 3


def tensorflow_reason(message: str) -> str:
    """What went wrong, out of the message of a `tf.errors.OpError`.

    "{{function_node ...}} PATH; No space left on device [Op:SaveV2]" gives "No space left on device".
    """
    return message.partition("\n")[0].partition(" [Op:")[0].rpartition("; ")[2]
