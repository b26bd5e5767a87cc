"""The same BERT in PyTorch with transformers, from weights with Google's names."""

from collections.abc import Mapping

import numpy as np
import torch
import transformers

from bertbench.config import ModelConfig

_ACTIVATIONS = {"tanh": "gelu_pytorch_tanh", "erf": "gelu"}
# Parts of Google's names, and what transformers calls them.
_PARTS = (
    ("cls/squad/output_weights", "qa_outputs.weight"),
    ("cls/squad/output_bias", "qa_outputs.bias"),
    ("layer_", "layer."),
    ("word_embeddings", "word_embeddings.weight"),
    ("position_embeddings", "position_embeddings.weight"),
    ("token_type_embeddings", "token_type_embeddings.weight"),
    ("LayerNorm/gamma", "LayerNorm.weight"),
    ("LayerNorm/beta", "LayerNorm.bias"),
    ("kernel", "weight"),
    ("/", "."),
)


def make_torch_model(
    config: ModelConfig, weights: Mapping[str, np.ndarray], gelu: str
) -> "transformers.BertForQuestionAnswering":
    """A model in float32 with these weights, dropout as configured."""
    made = transformers.BertConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_hidden_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        max_position_embeddings=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        hidden_dropout_prob=config.hidden_dropout_prob,
        attention_probs_dropout_prob=config.attention_probs_dropout_prob,
        layer_norm_eps=config.layer_norm_eps,
        hidden_act=_ACTIVATIONS[gelu],
    )
    model = transformers.BertForQuestionAnswering(made)
    state = {_rename(name): _tensor(name, value) for name, value in weights.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    if missing or unexpected:
        raise ValueError(f"weights do not fit: {missing} are missing, {unexpected} unexpected")
    return model


def _rename(name: str) -> str:
    for part, other in _PARTS:
        name = name.replace(part, other)
    return name


def _tensor(name: str, value: np.ndarray) -> "torch.Tensor":
    turned = value.T if name.endswith("/kernel") else value
    return torch.from_numpy(np.ascontiguousarray(turned))
