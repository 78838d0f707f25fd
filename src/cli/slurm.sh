#!/bin/bash
# {name}: {cases} cases, {points} points ({cost}) in {shards} shards. Written by `ufm slurm`; edit what your cluster wants otherwise.
#
#   bash THIS_FILE           submits the shards as an array, and the merge to follow when all have ended well
#   sbatch THIS_FILE         submits the shards alone; `bash THIS_FILE merge` joins them here
#   bash THIS_FILE shard 3   runs one shard here, without Slurm
#
# A task may be preempted, killed, requeued or submitted again at any time: it goes on where its folder ends, with the same bytes at the end.
# A task that is about to run out of time requeues itself, at most 20 times.
#SBATCH --job-name={name}
#SBATCH --array=1-{shards}
#SBATCH --cpus-per-task={threads}
# Four times the time and twice the memory that `ufm run --dry-run` expects of the largest shard.
#SBATCH --time={time}
#SBATCH --mem={memory}M
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%x-%A_%a.log
#SBATCH --signal=B:USR1@60
set -euo pipefail

ufm=${UFM:-{program}}
scenario={scenario}
out={out}
shards={shards}

shard() {
    "$ufm" run "$scenario"{arguments} --shard "$1/$shards" --out "$out/shard-$1-of-$shards" --resume --yes --quiet \
        --threads "${SLURM_CPUS_PER_TASK:-{threads}}"
}

# Refuses shards that are missing, incomplete or of other settings, and a folder that holds another run's records; after a requeue those are its own.
merge() {
    local folders=() again=()
    for ((i = 1; i <= shards; i++)); do folders+=("$out/shard-$i-of-$shards"); done
    if [[ ${SLURM_RESTART_COUNT:-0} -gt 0 ]]; then again=(--overwrite); fi
    "$ufm" merge "${folders[@]}" --out "$out" "${again[@]}"
}

requeue() {
    if [[ ${SLURM_RESTART_COUNT:-0} -ge 20 ]]; then
        echo "out of time for the 21st time: give a case more than --time={time}" >&2
        exit 1
    fi
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
}

step=${1:-}
if [[ $step == merge ]]; then
    merge
elif [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
    trap requeue USR1
    # In the background, so that the signal is answered at once.
    shard "$SLURM_ARRAY_TASK_ID" &
    wait $!
elif [[ $step == shard ]]; then
    shard "$2"
else
    array=$(sbatch --parsable "$0")
    array=${array%%;*}
    merge=$(sbatch --parsable --array=0 --dependency="afterok:$array" --kill-on-invalid-dep=yes --mem={merge_memory}M \
        --output=slurm-%x-merge-%A.log "$0" merge)
    echo "shards: job $array, merge: job ${merge%%;*}"
fi
