"""Compares the hit ratios in the lines of http-cache-trace with libCacheSim's, see trace_check.sh."""

import re
import sys

import libcachesim as lcs

folder = sys.argv[1]
formats = {"sample.oracleGeneral": lcs.TraceType.ORACLE_GENERAL_TRACE, "sample.lcs": lcs.TraceType.LCS_TRACE}
policies = {"LRU": lcs.LRU, "FIFO": lcs.FIFO}
failures = 0
for line in sys.stdin:
    capacity, policy, ratio = re.match(r"(\d+) bytes, (\S+): ([\d.]+)", line).groups()
    for name, kind in formats.items():
        reader = lcs.TraceReader(f"{folder}/{name}", kind, lcs.ReaderInitParam())
        miss_ratio, _ = policies[policy](cache_size=int(capacity)).process_trace(reader)
        theirs = 100 * (1 - miss_ratio)
        difference = abs(theirs - float(ratio))
        failures += difference > 0.1
        print(f"{capacity} bytes, {policy}, {name}: {float(ratio):.3f} here, {theirs:.3f} there")
if failures:
    sys.exit(f"{failures} differ by more than 0.1 points")
print("libCacheSim agrees")
