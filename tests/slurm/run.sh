#!/usr/bin/env bash
# A real Slurm on this machine: controller and two virtual nodes on loopback, everything they keep in a folder of their own. Runs the array that `ufm slurm` writes, requeues a task in
# the middle, waits for the merge, and compares the result byte for byte with a local run. Stops what it started, by process id, and nothing else.
#
#   tests/slurm/run.sh target/release/ufm
#
# Needs Debian's slurmctld, slurmd, slurm-client and munge; as root on a Debian without them, installs them. Takes about a minute.
set -euo pipefail

fail() {
    printf 'tests/slurm: %s\n' "$*" >&2
    exit 1
}

[[ $# == 1 && -x $1 ]] || fail "give the ufm program: tests/slurm/run.sh target/release/ufm"
ufm=$(realpath "$1")
[[ $(id -u) == 0 ]] || fail "needs root: slurmd starts jobs for their users"

programs=(munged slurmctld slurmd sbatch squeue scontrol sinfo scancel)
missing() {
    local program
    for program in "${programs[@]}"; do
        command -v "$program" >/dev/null || echo "$program"
    done
}
if [[ -n $(missing) ]]; then
    command -v apt-get >/dev/null || fail "there is no $(missing | tr '\n' ' '): install Slurm and munge"
    echo "installing Slurm and munge"
    packages=(slurmctld slurmd slurm-client munge)
    {
        # Their services are not wanted: only what this script starts itself.
        apt-get update &&
            RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
    } >/tmp/tests-slurm-install.log 2>&1 || fail "apt-get cannot install ${packages[*]}: see /tmp/tests-slurm-install.log"
    [[ -z $(missing) ]] || fail "installed, and still there is no $(missing | tr '\n' ' ')"
fi

# A folder of root's in which others may look up names: munge insists on that.
work=$(mktemp -d /tmp/ufm-slurm-XXXXXX)
chmod 711 "$work"
started=()
stop() {
    local status=$? pid turn
    trap - EXIT
    if [[ -f $work/slurm.conf && ${#started[@]} -gt 1 ]]; then
        timeout 10 scancel --user=root >/dev/null 2>&1 || true
        for turn in {1..20}; do
            [[ -n $(timeout 5 squeue --noheader 2>/dev/null) ]] || break
            sleep 0.5
        done
    fi
    for ((turn = ${#started[@]} - 1; turn >= 0; turn--)); do
        kill "${started[turn]}" 2>/dev/null || true
    done
    for pid in "${started[@]}"; do
        for turn in {1..50}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [[ $status == 0 ]]; then
        rm -rf "$work"
    else
        tail -n 15 "$work"/*.log >&2 2>/dev/null || true
        echo "tests/slurm: what it left is in $work" >&2
    fi
    exit "$status"
}
trap stop EXIT

# Starts a daemon in the foreground of the background, so that its process id is ours to stop.
start() {
    local log=$1
    shift
    "$@" >"$work/$log.log" 2>&1 &
    started+=($!)
}

# Waits until a command holds, for so many seconds.
until_holds() {
    local seconds=$1 end
    shift
    end=$((SECONDS + seconds))
    until "$@" 2>/dev/null; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}

port=$((20000 + $$ % 20000))
mkdir -m 711 "$work/munge"
mkdir -m 755 "$work/state" "$work/spool-node1" "$work/spool-node2"
(umask 077 && head -c 1024 /dev/urandom >"$work/munge/key")
cat >"$work/slurm.conf" <<END
ClusterName=ufm-test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=$port
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$work/munge/socket
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1,batch_sched_delay=0
ReturnToService=2
JobRequeue=1
KillWait=2
CompleteWait=0
MinJobAge=600
NodeName=node1 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=1 RealMemory=8000
NodeName=node2 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=1 RealMemory=8000
PartitionName=all Nodes=node1,node2 Default=YES State=UP
END
export SLURM_CONF=$work/slurm.conf

start munged munged --foreground --key-file="$work/munge/key" --socket="$work/munge/socket" \
    --pid-file="$work/munge/munged.pid" --log-file="$work/munge/munged.log" --seed-file="$work/munge/seed"
until_holds 20 test -S "$work/munge/socket" || fail "munged did not start"
start slurmctld slurmctld -D -f "$SLURM_CONF"
start slurmd-node1 slurmd -D -N node1 -f "$SLURM_CONF"
start slurmd-node2 slurmd -D -N node2 -f "$SLURM_CONF"
both_idle() { [[ $(timeout 5 sinfo --noheader --Node --format=%T | sort | uniq -c | tr -s ' ') == ' 2 idle' ]]; }
until_holds 40 both_idle || fail "Slurm did not start: its two nodes are not idle after 40 s"
echo "Slurm runs: $(sinfo --version), two nodes"

# Twelve cases in four shards; descents that take long enough to be interrupted.
cd "$work"
cat >sweep.toml <<'END'
question = "Does a cluster find what one machine finds?"
[model]
classes = 4
width = 4
per_class = 20
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
name = "gradient-descent"
step = 0.05
[stop]
steps_max = 40000
gradient_norm = 1e-13
[sweep]
"decay.epsilon" = { log = [0.02, 0.4, 6] }
[output]
trajectories = "thin"
[report]
figures = ["value-index"]
[expect]
undecided_max = 48
END
"$ufm" slurm sweep.toml --shards 4 --out "$work/out" >job.sh
submitted=$(bash job.sh)
echo "$submitted"
array=$(sed -n 's/^shards: job \([0-9]*\),.*/\1/p' <<<"$submitted")
merge=$(sed -n 's/.*merge: job \([0-9]*\)$/\1/p' <<<"$submitted")
[[ -n $array && -n $merge ]] || fail "the script did not say what it submitted"

# The first task is taken off its node in the middle of its work.
records=$work/out/shard-1-of-4/records.jsonl
lines() { if [[ -f $1 ]]; then wc -l <"$1"; else echo 0; fi; }
begun() { (($(lines "$records") > 0)); }
until_holds 60 begun || fail "the first task wrote no record within 60 s"
scontrol requeue "${array}_1"
seen=$(lines "$records")
((seen < 12)) || fail "the first task was complete before it was requeued: nothing is shown"
echo "requeued task 1 after $seen of 12 records"

# Slurm lets a requeued job wait for two minutes; here it need not.
"$ufm" run sweep.toml --out "$work/local" --quiet --threads 1
over() {
    timeout 5 scontrol update "jobid=${array}_1" starttime=now >/dev/null 2>&1 || true
    [[ -z $(timeout 5 squeue --noheader --jobs="$array,$merge") ]]
}
until_holds 100 over || fail "the jobs did not end within 100 s: $(squeue)"
scontrol show job "$array" >array.txt
scontrol show job "$merge" >merge.txt
grep -q 'Restarts=1' array.txt || fail "no task was restarted"
[[ $(grep -c 'JobState=COMPLETED' array.txt) == 4 ]] || fail "not all four tasks are completed"
grep -q 'JobState=COMPLETED' merge.txt || fail "the merge did not end well: $(cat slurm-*merge*.log)"

# What may differ between two runs stands in provenance.json; the report quotes the folder's name.
listed() { (cd "$1" && find . -type f -not -path './shard-*' | sort); }
diff <(listed out) <(listed local) || fail "the folders hold other files"
while IFS= read -r file; do
    case $file in ./provenance.json | ./report.html) continue ;; esac
    cmp "out/$file" "local/$file" || fail "$file differs from the local run"
done < <(listed local)
echo "equal to the local run: $(listed local | wc -l) files, $(lines local/records.jsonl) records"
