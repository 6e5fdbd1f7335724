"""The dictionary of the ledger's bodies is made of the text that stands beside its generator."""

from infra.dictionary.calls import DICTIONARY, Calls, content, in_brief


def test_dictionary_ends_with_the_text_that_it_was_made_of() -> None:
    dictionary = DICTIONARY.read_bytes()
    text = in_brief(content(Calls(1)))
    assert dictionary.endswith(text), "a dictionary that is in use never changes: another text makes another dictionary"
    assert len(dictionary) - len(text) < 300, "an id, and statistics"
