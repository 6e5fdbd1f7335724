"""`make deploy`, after the build: judges what a deployment would change before anything is changed.

Read in this order: `capacity` (does the account have the concurrency?), `changes` (which changes would lose data?),
`change_set` (made by SAM, described by CloudFormation), `progress` (executes the change set and prints its progress),
`result` (outputs, and whether anybody receives the alarms), `leftovers` (what a failed first deployment or a failed
deletion leaves), `__main__` (all of them in order).

`capacity` and `changes` judge, and call nothing; only the others talk to AWS. Nothing is changed before both have
agreed: until then there are an uploaded zip and a change set, and a change set that is refused is deleted.
"""
