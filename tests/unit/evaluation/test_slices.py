from sentiment_lib.evaluation.slices import document_frequencies, slice_masks


def test_slices_find_negation_emoji_short_and_rare_words():
    texts = ["the flight wasn't good at all, sadly for us", "great \U0001f600", "the flight was good and on time"]
    found = slice_masks(
        texts,
        airlines=["United", None, "Delta"],
        languages=["en", "en", None],
        train_counts=document_frequencies(["the flight was good and on time"] * 3),
    )
    assert {name: mask.tolist() for name, mask in found.items()} == {
        "negation": [True, False, False],
        "emoji": [False, True, False],
        "short": [False, True, False],
        "rare words": [True, True, False],
        "airline United": [True, False, False],
        "airline Delta": [False, False, True],
        "language en": [True, True, False],
    }


def test_a_url_is_no_emoji_and_a_slice_that_nobody_is_in_is_left_out():
    assert "emoji" not in slice_masks(["see http://t.co/abc and call us at 10:30 please, friends"])
