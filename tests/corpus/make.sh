#!/bin/sh
# Writes certificates.jsonl: good certificates of every kind, for the tests that corrupt them.
#
#     UFM=target/release/ufm sh tests/corpus/make.sh
#
# K = 3, d = 3, n = 1, every loss and bias: each sequence of claims that the points of a rank ladder lead to once; a box of decays; losses and boxes of them.
set -eu
ufm=$(realpath "${UFM:-target/release/ufm}")
out=$(realpath "$(dirname "$0")")/certificates.jsonl
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
: > all

points() { # loss bias; KEY=VALUE…
    loss=$1 bias=$2
    shift 2
    extra="" decay=""
    if [ "$bias" = decayed ]; then decay=', b = 1e-2' extra="model.decay.b=1e-2"; fi
    {
        echo 'question = "Three classes."'
        echo "[model]
classes = 3
width = 3
per_class = 1
bias = \"$bias\"
decay = { w = 5e-2, h = 2e-2$decay }
[loss]
name = \"$loss\""
        for parameter in "$@"; do echo "${parameter#loss.}" | sed 's/=/ = /'; done
        echo '[[starts]]
name = "rank-ladder"
count = 1
seed = 2
[solver]
name = "lbfgs"'
    } > small.toml
    rm -rf run
    "$ufm" run small.toml --out run --quiet
    for point in run/points/*.npz; do
        # shellcheck disable=SC2086
        "$ufm" prove "$point" "loss.name=$loss" "$@" "model.bias=$bias" model.decay.w=5e-2 model.decay.h=2e-2 $extra --out one.json > /dev/null
        cat one.json >> all
    done
}

for bias in none free decayed; do
    points label-smoothing $bias loss.alpha=0.1
    points focal $bias loss.gamma=2.0
    points mse $bias
    points bce $bias
    points cross-entropy $bias
done
# The last point is the minimum of cross-entropy with a decayed bias: for every decay near the given ones at once.
"$ufm" prove "$point" loss.name=cross-entropy model.bias=decayed model.decay.w=5e-2 model.decay.h=2e-2 model.decay.b=1e-2 \
    --spread 1e-7 --claims inertia,global-minimum,gap --out box.json > /dev/null
# One of each loss, bias and sequence of claims.
python3 - <<'PYTHON'
import json
seen = {}
for line in open("all"):
    document = json.loads(line)
    kinds = tuple((claim["kind"], claim.get("nature")) for claim in document["claims"])
    seen.setdefault((document["problem"]["loss"]["name"], document["problem"]["bias"], kinds), line)
open("all", "w").writelines(seen.values())
PYTHON

of_loss() {
    "$ufm" prove --loss "$@" --out one.json > /dev/null
    cat one.json >> all
}
of_loss focal loss.gamma=3 model.classes=60
of_loss focal loss.gamma=2 model.classes=1000
of_loss focal loss.gamma=2 model.classes=17 --spread 0.1
of_loss focal loss.gamma=3 model.classes=60 --claims convexity-region,contrastive --spread 0.1
of_loss focal loss.gamma=3 model.classes=100 --claims transition --spread 1e-2
of_loss cross-entropy
of_loss label-smoothing loss.alpha=0.1 --spread 1e-3
of_loss bce model.classes=3
cat box.json >> all
mv all "$out"
