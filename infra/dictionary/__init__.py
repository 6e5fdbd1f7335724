"""The dictionary with which the ledger compresses bodies: how it was made.

`pip install -r infra/dictionary/requirements.txt` and `python -m infra.dictionary` make the same bytes again. `text/`
has what is said in calls, all of it written for this purpose; `calls.py` makes events of the text; and the example
`normalise` of the crate `domain` gives them the form in which the ledger keeps them. A dictionary that is in use must
never change: another text makes another dictionary, with another id and another file
(see `shared/adapters/src/body.rs`).
"""
