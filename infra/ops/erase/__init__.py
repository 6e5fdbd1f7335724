"""`make erase`: removes what the system keeps of a business, or of one of its calls, and says what is kept elsewhere.

The command is for the operator, when a business leaves or a person asks for deletion. It acts on the account that the
AWS environment names, or on the local stack if AWS_ENDPOINT_URL names that. It asks, and removes nothing unless
standard input says yes.

    make erase BUSINESS=b-17                   the ledger's records, the settings, the messages in the dead-letter queue
    make erase BUSINESS=b-17 CALL=c-1042       the records of that call, and its messages there

- The settings go before the ledger. Without them, no delivery begins for the business, so no record is added meanwhile.
- A pass over both is repeated until it finds nothing, since `deliver` or `sweep` may have written between the two.
- A message in the events queue cannot be taken out of it: it is hidden until its next attempt. A message that was being
  tried finds no URL then and is held, with a record and an item of settings. So the command says when to run it again.
- Running the command again does no harm, and it may be ended at any time.
"""
