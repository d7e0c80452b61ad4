#!/usr/bin/env bash
# Sets up, builds and runs all tests. Arguments go to ctest, for example: scripts/test.sh -L golden
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/test
mkdir -p build
jobs=$(nproc)

scripts/install_dependencies.sh
cuda=OFF  # what nvcc compiles is run where there is a GPU
command -v nvcc >/dev/null && cuda=ON
without='exhaustive|gpu'
nvidia-smi -L >/dev/null 2>&1 && without=exhaustive
echo "[configure] $build (tests once more with nvcc: $cuda)"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_COMPILE_WARNING_AS_ERROR=ON \
      -DCMAKE_CXX_FLAGS_RELEASE="-O2" -DBOXGRAD_BUILD_CUDA_TESTS=$cuda >"$build.configure.log" 2>&1 ||
  { cat "$build.configure.log"; exit 1; }
echo "[build] $jobs jobs"
NINJA_STATUS="[build %f/%t %es] " cmake --build "$build" --parallel "$jobs"
echo "[test]"
status=0
ctest --test-dir "$build" --output-on-failure --no-tests=error --parallel "$jobs" -LE "$without" "$@" || status=$?
log=$build/Testing/Temporary/LastTest.log
if [ $status -eq 0 ]; then
  echo "PASSED: all tests; log in $log"
else
  echo "FAILED: see above, or $log"
fi
exit $status
