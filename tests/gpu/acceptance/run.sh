#!/usr/bin/env bash
# Accepts nastui on a GPU machine that has torch and no network. From the root of the working tree, after prepare.py:
#   bash tests/gpu/acceptance/run.sh tests      doctor and the tests of tests/gpu             at most 6 minutes
#   bash tests/gpu/acceptance/run.sh measure    seconds a step, share of the bound            at most 6 minutes
#   bash tests/gpu/acceptance/run.sh search     the whole DrNAS search on NAS-Bench-201       LIMIT seconds at most
# `search` needs two files in .gpu (prepare.py --data): an archive of CIFAR-10 as an image folder, and a table for
# `nastui benchmark import`. Results go to the folder OUT as they come. DEVICE=cpu rehearses with tiny sizes.
set -uo pipefail
cd "$(dirname "$0")/../../.."
what=${1:-} device=${DEVICE:-cuda:0} python=${PY:-python3} out=${OUT:-.gpu/out}
case $what in tests | measure | search) ;; *)
  sed -n '2,8s/^# \?//p' "$0"
  exit 2
  ;;
esac
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
began=$SECONDS

step() { # NAME: says how long the step before it took
  echo "== $1 (at $((SECONDS - began)) s)"
}

step "install from .gpu/wheels"
"$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --disable-pip-version-check \
  --target "$work/site" .gpu/wheels/*.whl || exit 1
export PYTHONPATH="$work/site:$PWD" PYTHONUNBUFFERED=1 NASTUI_HOME="$work/home"
nastui() { "$python" -P -m nastui "$@"; }

case $what in
tests)
  step "doctor"
  nastui doctor
  nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>/dev/null
  step "tests of $device"
  NASTUI_TEST_DEVICE=$device timeout "${LIMIT:-320}" "$python" -m pytest tests/gpu -v -n "${JOBS:-8}" --tb=short \
    --durations=15 -p no:cacheprovider ${TESTS:-} >"$out/tests.log" 2>&1
  code=$?
  grep -E "^(FAILED|ERROR)|^E  " "$out/tests.log" | cut -c1-300 | head -60
  sed -n '/slowest/,$p' "$out/tests.log" | tail -n 40
  [ $code = 124 ] && echo "stopped at the limit: $(grep -c PASSED "$out/tests.log") tests had passed"
  ;;
measure)
  step "measure $device"
  "$python" -P -m tests.gpu.acceptance.measure --device "$device" --out "$out/measurements.jsonl" \
    --limit "${LIMIT:-320}" ${CASES:+--cases "$CASES"}
  code=$?
  ;;
search)
  step "unpack the images and the table"
  mkdir "$work/images"
  tar xf .gpu/*.tar.* -C "$work/images" && nastui benchmark import .gpu/*.csv.gz || exit 1
  step "search"
  # shellcheck disable=SC2086 # SET holds several words
  timeout "${LIMIT:-400}" "$python" -P -m nastui search drnas --space nasbench201 --preset "${PRESET:-paper}" \
    --dataset "$work/images" --device "$device" --seed "${SEED:-2}" ${SET:-} --follow >"$out/search.log" 2>&1
  code=$?
  tail -n 25 "$out/search.log" | cut -c1-250
  nastui runs show latest --json >"$out/search.json" && nastui runs show latest
  cp "$NASTUI_HOME"/runs/*/events.jsonl "$out/search-events.jsonl"
  ;;
esac
step "$what ended with $code"
exit $code
