"""Runs the Python sample on requests from standard input: one line of JSON in, a line of `true` or `false` out.

The sample is the argument. This program holds no verification of its own.
"""

import json
import runpy
import sys

from standardwebhooks import WebhookVerificationError

verify = runpy.run_path(sys.argv[1])["verify"]
for line in sys.stdin:
    given = json.loads(line)
    try:
        event = verify(given["secret"], given["headers"], given["body"].encode())
        # The sample with the library gives the event; the one without gives True.
        print(str(event is True or event == json.loads(given["body"])).lower())
    except (WebhookVerificationError, ValueError):
        print("false")
