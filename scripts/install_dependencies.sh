#!/usr/bin/env bash
# Installs what the tests and the example need, on Debian or Ubuntu, with sudo where that is needed.
# Does nothing, also without a network, where everything is there.
set -euo pipefail

packages=(g++ cmake ninja-build git python3 libeigen3-dev libxtensor-dev libxsimd-dev catch2
          nlohmann-json3-dev libcli11-dev libstb-dev libfmt-dev libbenchmark-dev librapidcheck-dev)
# Thrust: from a CUDA toolkit, else Debian's package.
if [ ! -e "${CUDA_PATH:-/usr/local/cuda}/include/cccl/thrust/version.h" ] &&
   [ ! -e "${CUDA_PATH:-/usr/local/cuda}/include/thrust/version.h" ]; then
  packages+=(libthrust-dev)
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "[set-up] all packages are there"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "[set-up] need root or sudo to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "[set-up] installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "[set-up] installed ${#missing[@]} packages"
