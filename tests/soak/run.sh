#!/usr/bin/env bash
# A long sweep under random kills, resumed each time, and compared byte for byte with the same sweep undisturbed, which runs beside it.
#
#   tests/soak/run.sh UFM [SECONDS [SEED]]
#
# UFM is the program (a release build), SECONDS how long the disturbed sweep is to take, about (default 3600). Its size follows from a sample taken first. Four kills of six are `kill -9`; SIGTERM and
# SIGINT, which finish the cases on their way, are the others. Every incarnation prints its peak memory. Prints `equal` and ends with 0 where the folders are equal and memory was flat.
set -euo pipefail

fail() {
    printf 'tests/soak: %s\n' "$*" >&2
    exit 1
}

[[ $# -ge 1 && $# -le 3 && -x $1 ]] || fail "give the ufm program: tests/soak/run.sh target/release/ufm [SECONDS [SEED]]"
ufm=$(realpath "$1")
seconds=${2:-3600}
seed=${3:-1}
[[ $seconds =~ ^[0-9]+$ && $seconds -ge 20 ]] || fail "SECONDS is a whole number, 20 at least"
RANDOM=$seed
work=$(mktemp -d "${TMPDIR:-/tmp}/ufm-soak-XXXXXX")
cd "$work"
started=()
stop() {
    local status=$?
    trap - EXIT
    for pid in "${started[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    if [[ $status == 0 ]]; then rm -rf "$work"; else echo "tests/soak: what it left is in $work" >&2; fi
    exit "$status"
}
trap stop EXIT

# A long soak needs cases that take long, rather than half a million of them: they descend by small steps.
solver='name = "lbfgs"'
((seconds < 600)) || solver='name = "gradient-descent"
step = 0.2
[stop]
steps_max = 60000'

# CELLS cells of two losses, four starts each.
scenario() {
    cat <<END
question = "Does a sweep that is killed again and again end as one that is not?"
[model]
classes = 6
width = 6
per_class = 8
bias = "free"
decay = { epsilon = 0.05 }
[[loss]]
name = "cross-entropy"
[[loss]]
name = "mse"
[starts]
count = 4
seed = 1
[solver]
$solver
[sweep]
"decay.epsilon" = { log = [0.001, 0.15, $1] }
[output]
trajectories = "thin"
[report]
figures = ["value-index"]
END
}
lines() { if [[ -f $1/records.jsonl ]]; then wc -l <"$1/records.jsonl"; else echo 0; fi; }

scenario 10 >sample.toml
from=$(date +%s%N)
"$ufm" run sample.toml --out sample --threads 1 --quiet
took=$((($(date +%s%N) - from) / 1000000))
# 80 points; at most 40,000 points, which is half a gigabyte of disk.
cells=$((seconds * 1000 * 10 / (took + 1)))
((cells <= 5000)) || cells=5000
((cells >= 20)) || cells=20
points=$((cells * 8))
echo "seed $seed: $points points, $((took / 80)) ms each in the sample"
scenario "$cells" >sweep.toml

from=$SECONDS
"$ufm" run sweep.toml --out clean --threads 1 --quiet &
clean=$!
started+=("$clean")

# What a process has needed at most, in MiB, while it is there.
peak() { awk '/^VmHWM/ { printf "%d", $2 / 1024 }' "/proc/$1/status" 2>/dev/null || true; }

number=0 kills=0 first=0 highest=0 report=0
every=$((seconds / 30 + 1))
while :; do
    number=$((number + 1))
    before=$(lines killed)
    "$ufm" run sweep.toml --out killed --threads 1 --quiet --resume &
    pid=$!
    started=("$clean" "$pid")
    # Ended by itself, or lived for a random time; after half as long again nothing is killed any more.
    lives=$((RANDOM % (every * 1000) + 300))
    ((SECONDS - from < seconds * 3 / 2)) || lives=999999999
    born=$(date +%s%N)
    # Every other one is killed wherever it is, reading what there is included; the rest live on from their first new record, so that a slow machine gets ahead, too.
    ahead=$((number % 2))
    memory=0
    while kill -0 "$pid" 2>/dev/null && (($(date +%s%N) - born < lives * 1000000)); do
        now=$(peak "$pid")
        memory=${now:-$memory}
        if ((ahead)) && (($(lines killed) <= before)); then born=$(date +%s%N); fi
        sleep 0.05
    done
    how=$((RANDOM % 6))
    signal=KILL code=137
    ((how != 4)) || signal=TERM code=143
    ((how != 5)) || signal=INT code=130
    kill "-$signal" "$pid" 2>/dev/null && kills=$((kills + 1)) || signal=none
    # The shell has its background ignore SIGINT until the program asks for it: one that comes too early is lost.
    while [[ $signal == INT ]] && sleep 1 && kill -INT "$pid" 2>/dev/null; do :; done
    ended=0
    { wait "$pid"; } 2>/dev/null || ended=$?
    after=$(lines killed)
    echo "incarnation $number: $before → $after records, $memory MiB at most, signal $signal, ended with $ended"
    if ((ended == 0)); then break; fi
    [[ $signal != none && $ended == "$code" ]] || fail "incarnation $number ended with $ended"
    ((after >= before)) || fail "records were lost: $before before incarnation $number, $after after it"
    ((after % 4 == 0)) || [[ $signal == KILL ]] || fail "signal $signal left part of a case: $after records"
    # With the last record written the report begins, which reads all of them: that is another matter.
    if ((after == points)); then ((memory <= report)) || report=$memory; continue; fi
    ((first > 0)) || first=$memory
    ((memory <= highest)) || highest=$memory
done
((memory <= report)) || report=$memory
echo "the disturbed sweep took $((SECONDS - from)) s, $number incarnations, $kills kills"
wait "$clean" || fail "the clean sweep ended with $?"
echo "both ended after $((SECONDS - from)) s"
((kills >= 3)) || fail "only $kills kills: the sweep is too short to show anything"

listed() { (cd "$1" && find . -type f | sort); }
diff <(listed killed) <(listed clean) || fail "the folders hold other files"
# What may differ between two runs stands in provenance.json; the report quotes it.
diff -rq --exclude=provenance.json --exclude=report.html killed clean || fail "the folders differ"
[[ $(lines clean) == "$points" ]] || fail "the clean run has $(lines clean) records of $points"
echo "memory of incarnations that were interrupted in the sweep: $first MiB in the first, $highest MiB at most; with the report of $points records $report MiB"
((highest <= first + first / 2 + 8)) || fail "memory grew from $first to $highest MiB"
echo "equal: $(listed clean | wc -l) files, $points records"
