"""Nobody gets a token or key under a name that looks like another person's, or that cannot be read for what it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.policy import LabelPolicy, Policy
from sentiment_lib.serving import api_keys
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import sign_in
from sentiment_lib.storage import people
from sentiment_lib.text.look_alikes import look_alike, why_no_name

#: An approver of the default policy is called mlops, and an auditor of this one anna.
LOOKS_LIKE_ANOTHER = {
    "case": "MLOps",
    "digit for a letter": "ml0ps",
    "Cyrillic": "\u0430\u043f\u043f\u0430",  # looks like "anna" to many
    "accent": "ànna",
    "mark below": "an\u1e47a",
    "rn for m": "rnlops",
}
CANNOT_BE_READ = {
    "mixed scripts": ("\u0430nna", "different scripts"),
    "full width": ("ａｎｎａ", "write 'anna'"),
    "ligature": ("ﬁona", "write 'fiona'"),
    "leading space": (" anna", "spaces"),
    "two spaces": ("anna  b", "spaces"),
    "no-break space": ("anna\u00a0b", "write 'anna b'"),
    "zero width": ("an\u200bna", r"U\+200B"),
    "right to left override": ("anna\u202e", r"U\+202E"),
    "filler": ("anna\u115f", r"U\+115F"),
    "emoji": ("anna😀", r"U\+1F600"),
}
GOOD = [
    "anna",
    "Zoë Krüger",
    "o'neill",
    "ci-job_2.west",
    "Иван Петров",
    "王小明",
    "山田たろう",
    "김철수",
    "محمد",
    "अनिता",
]


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, policy=Policy(label=LabelPolicy(auditors=("anna",))))


@pytest.mark.parametrize("name", LOOKS_LIKE_ANOTHER.values(), ids=LOOKS_LIKE_ANOTHER)
def test_a_name_that_looks_like_an_approver_s_or_an_auditor_s_is_refused(store, settings, name):
    with pytest.raises(BadInput, match=r"it looks like '(mlops|anna)'"):
        sign_in.add_person(store, settings, name=name, lifetime=timedelta(days=1), issuer=None)
    with pytest.raises(BadInput, match=r"it looks like '(mlops|anna)'"):
        api_keys.create(store, name, ("label",), people=people.named_in(settings.policy))


@pytest.mark.parametrize(("name", "problem"), CANNOT_BE_READ.values(), ids=CANNOT_BE_READ)
def test_a_name_that_is_not_what_it_seems_is_refused(store, settings, name, problem):
    with pytest.raises(BadInput, match=problem):
        sign_in.add_person(store, settings, name=name, lifetime=timedelta(days=1), issuer=None)
    with pytest.raises(BadInput, match=problem):
        api_keys.create(store, name, ("label",))


def test_names_of_tokens_and_keys_may_not_look_alike_whether_they_are_in_use_or_not(store, settings):
    day = timedelta(days=1)
    sign_in.add_person(store, settings, name="Boris", lifetime=day, issuer=None)
    api_keys.create(store, "desk", ("label",))
    api_keys.revoke(store, "desk")
    sign_in.revoke_person(store, "Boris")
    with pytest.raises(BadInput, match="it looks like 'Boris'"):
        api_keys.create(store, "boris", ("label",))
    with pytest.raises(BadInput, match="it looks like 'desk'"):
        sign_in.add_person(store, settings, name="DESK", lifetime=day, issuer=None)
    api_keys.create(store, "desk", ("label",))  # the same name is the same person
    api_keys.create(store, "Boris", ("label",))
    sign_in.add_person(store, settings, name="Boris", lifetime=day, issuer=None)


@pytest.mark.parametrize("name", GOOD)
def test_a_plain_name_in_any_script_is_taken(name):
    assert why_no_name(name) is None
    assert look_alike(name, [other for other in GOOD if other != name]) is None
