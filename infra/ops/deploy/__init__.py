"""`make deploy`, after the build: looks at what a deployment would do before it does it.

Read in this order: `capacity` (has the account the concurrency?), `changes` (which changes would lose something?),
`change_set` (the one that SAM uploads and CloudFormation describes), `progress` (executes it and tells how it goes),
`result` (outputs, and whether anybody hears the alarms), `leftovers` (what a failed first deployment or
deletion leaves), `__main__` (all of them in order).

The first two judge and reach nothing; only the others talk to AWS. Nothing is changed before both have agreed: until
then there are an uploaded zip and a change set, and the latter is deleted if it is refused.
"""
