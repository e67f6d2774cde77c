"""Starts local-bigquery, with V8 ready before any other thread is there.

V8 guards its memory with the processor's protection keys, where it has any, and a thread from before V8 may not touch what they guard:
an emulator whose first function in JavaScript is called by one thread and the second by an older one ends with a segmentation fault.
"""

import sys

from py_mini_racer import init_mini_racer

init_mini_racer()

from local_bigquery.cli import main  # noqa: E402 (after V8)

sys.exit(main())
