#!/usr/bin/env bash
# The main job on real annotations: computes the YOLOX loss of a guess, improves the guess with the
# library's gradients until it fits, and writes report.html. Arguments go to yolox_fit.
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/demo

scripts/install_dependencies.sh
mkdir -p build
echo "[configure] $build"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBOXGRAD_BUILD_TESTS=OFF \
      -DBOXGRAD_BUILD_BENCHMARKS=OFF >build/demo.configure.log 2>&1 || { cat build/demo.configure.log; exit 1; }
NINJA_STATUS="[build %f/%t %es] " cmake --build "$build" --target yolox_fit
if [ $# -eq 0 ]; then
  set -- examples/data/coco-mini/instances.json --images examples/data/coco-mini/images --report report.html
fi
"$build/examples/yolox_fit" "$@"
