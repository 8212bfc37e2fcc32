"""Small checkpoints in the file layout of the published ones."""

from __future__ import annotations

import json

from tests.unit.families.made_up import vocabulary

SMALL = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "max_position_embeddings": 128,
}


def bert(folder, *, seed=0, **shape):
    """A BERT of two layers, or of another shape, with whole words as tokens; gives the folder back."""
    import torch
    from transformers import BertConfig, BertModel

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *vocabulary()]
    _whole_words(tokens, "[CLS]", "[SEP]", "[UNK]").save(str(folder / "tokenizer.json"))
    torch.manual_seed(seed)
    BertModel(BertConfig(vocab_size=len(tokens), **{**SMALL, **shape}), add_pooling_layer=False).save_pretrained(folder)
    return folder


def mpnet(folder):
    """An MPNet of two layers, which knows places by their distance, with whole words as tokens."""
    import torch
    from transformers import MPNetConfig, MPNetModel

    tokens = ["<s>", "<pad>", "</s>", "[UNK]", *vocabulary(), "<mask>"]
    _whole_words(tokens, "<s>", "</s>", "[UNK]").save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    MPNetModel(MPNetConfig(vocab_size=len(tokens), **SMALL), add_pooling_layer=False).save_pretrained(folder)
    return folder


def _whole_words(tokens, first, last, unknown):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    places = {word: place for place, word in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(places, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing((last, places[last]), (first, places[first]))
    return tokenizer


def roberta(folder):
    """A RoBERTa of two layers with its own BPE, in the files of twitter-roberta-base-sentiment-latest."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaForSequenceClassification

    tokenizer = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator([f" {word}" for word in vocabulary()] * 5, vocab_size=600, special_tokens=special)
    tokenizer.save_model(str(folder))
    (folder / "special_tokens_map.json").write_text(
        json.dumps({"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"})
    )
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=130,
        # not in the order of the platform, so that a mix-up shows
        id2label={0: "positive", 1: "negative", 2: "neutral"},
        label2id={"positive": 0, "negative": 1, "neutral": 2},
    )
    RobertaForSequenceClassification(config).save_pretrained(folder)
    return folder
